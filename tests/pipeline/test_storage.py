from pathlib import Path

import pytest

from hdray.errors import UserError
from hdray.pipeline import storage


@pytest.fixture(params=["disk", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.getfixturevalue('s3')}/some/run" if request.param == "bucket" else str(tmp_path / "some" / "run")


def test_what_is_written_is_read(url: str) -> None:
    file = storage.join(url, "a", "b.bin")
    assert not storage.exists(file)
    storage.write_bytes(file, b"one")
    storage.write_bytes(file, b"two")
    assert storage.read_bytes(file) == b"two"
    assert storage.exists(url)
    listed = storage.list_files(url)
    assert list(listed) == ["a/b.bin"]
    size, modified = listed["a/b.bin"]
    assert size == 3
    assert modified > 1.7e9
    storage.remove(url)
    assert not storage.exists(url)
    storage.remove(url)
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(file)


def test_creation_is_exclusive(url: str) -> None:
    file = storage.join(url, "lease.json")
    assert storage.create_bytes(file, b"first")
    assert not storage.create_bytes(file, b"second")
    assert storage.read_bytes(file) == b"first"
    assert list(storage.list_files(url)) == ["lease.json"]


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage.resolve("runs/x") == str(tmp_path / "runs" / "x")
    assert storage.resolve("s3://bucket/x/") == "s3://bucket/x"
    with pytest.raises(UserError, match="gs://"):
        storage.resolve("gs://bucket/x")
    with pytest.raises(UserError, match="--run is empty, as by a variable of the shell that is not set"):
        storage.resolve("", "--run")


def test_a_submitted_job_does_not_write_into_rays_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "working_dir_files" / "_ray_pkg_0"
    (package / "jobs").mkdir(parents=True)
    monkeypatch.chdir(package)
    monkeypatch.setenv("HDRAY_ROOT", str(tmp_path / "root"))
    assert storage.resolve("runs/x") == str(tmp_path / "root" / "runs" / "x")
    assert storage.resolve("jobs") == str(package / "jobs"), "what was uploaded is read where it is"
