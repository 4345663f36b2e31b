"""The exactly-once table where a driver died in the middle of a commit (whole runs: tests/jobs/test_killing.py)."""

import shutil
from pathlib import Path

import pytest

from hdray.pipeline.exactly_once import PENDING, CommittedTable

pytestmark = [pytest.mark.slow, pytest.mark.ray]


def append(table: CommittedTable, folder: Path, names: list[str]) -> None:
    import pyarrow as pa

    manifest = pa.table({"id": names})
    table.append(
        str(folder / "manifest.parquet"),
        manifest,
        lambda rows: rows,
        what="rows",
        cpus=0.25,
        progress_s=0,
        silence_s=60.0,
    )


def test_what_a_death_in_mid_commit_leaves_is_told_apart(ray_cluster: None, tmp_path: Path) -> None:
    table = CommittedTable(str(tmp_path / "rows"), str(tmp_path / "commits"))
    append(table, tmp_path, ["a", "b"])
    assert table.committed() == {"a", "b"}
    one, other = (Path(path) for path in table.commit_files())
    # In a bucket a commit is a copy, then a deletion. Killed in between: both files are there, the rows are committed.
    shutil.copy(one, one.with_name(one.name.replace(".parquet", PENDING)))
    # Killed before: only the pending file is there; its rows may be cut off, do not count and are made again.
    lost = table.committed() - _ids(one)
    other.rename(other.with_name(other.name.replace(".parquet", PENDING)))
    assert table.committed() == _ids(one)
    append(table, tmp_path, [*lost, "c"])
    assert table.committed() == {"a", "b", "c"}
    rows = table.read([])
    assert rows is not None
    assert rows["id"].to_pylist() == ["a", "b", "c"]
    assert not list((tmp_path / "commits").rglob(f"*{PENDING}"))


def _ids(path: Path) -> set[str]:
    import pyarrow.parquet as parquet

    return set(parquet.read_table(path)["id"].to_pylist())
