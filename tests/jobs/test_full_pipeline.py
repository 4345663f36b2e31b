"""The whole pipeline as users run it: meshes from a bucket, the run in the bucket, good and bad files mixed."""

import json
from pathlib import Path

import pytest

from hdray.metrics.controls import KINDS
from hdray.pipeline.instances import read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import list_files, read_bytes, write_bytes
from tests.jobs.conftest import Mistake
from tests.jobs.tiny import arguments, finish, start_job

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(400)]


def test_from_meshes_in_a_bucket_to_a_report_in_it(s3: str, mesh_folder: Path, cluster: None, mistake: Mistake) -> None:
    import s3fs
    import trimesh

    for number in range(4):
        trimesh.creation.box((1.0, 0.3 + 0.1 * number, 0.5)).export(mesh_folder / f"plank{number}.ply")
    (mesh_folder / "empty.stl").write_bytes(b"")
    (mesh_folder / "notes.txt").write_text("not a shape")
    rows = ["file,split"] + [
        f"{path.relative_to(mesh_folder)},{'test' if 'plank' in path.name else 'train'}"
        for path in sorted(mesh_folder.rglob("*.*"))
    ]
    (mesh_folder / "split.csv").write_text("\n".join(rows))
    s3fs.S3FileSystem().put(str(mesh_folder), f"{s3}/meshes", recursive=True)
    url = f"{s3}/run"
    run = RunDirectory(url)
    settings = arguments(
        field__kind="fourier-mlp",
        field__asymmetric=True,
        inputs__split_file=f"{s3}/meshes/split.csv",
        train__steps=20,
        generate__count=3,
        evaluate__controls=True,
    )

    output = finish(start_job("full_pipeline", *settings, "--data", f"{s3}/meshes", "--run", url))
    assert output.splitlines()[-1] == url
    assert "notes.txt" in output, "what is no shape is in the log"
    table = read_columns(run, ["source", "status", "reason"]).to_pylist()
    assert len(table) == 11
    assert [row["source"] for row in table if row["status"] == "rejected"] == ["empty.stl"]
    result = json.loads(read_bytes(f"{url}/metrics.json"))
    assert result["counts"] == {
        "inputs": 11, "accepted": 10, "rejected": 1, "fitted": 10, "passed": result["counts"]["passed"],
        "generated": 3, "empty": result["counts"]["empty"],
    }  # fmt: skip
    assert {"mmd_cd", "cov_cd", "nna_cd"} <= result["metrics"].keys()
    assert 0 <= result["metrics"]["cov_cd"] <= 1
    assert result["protocol"]["references"] == 4
    controls = json.loads(read_bytes(f"{url}/evaluations/none.json"))["controls"]
    assert set(controls) == {"real", *KINDS}
    assert controls["real"]["mmd_cd"] > 0
    assert {row["count"] for row in controls.values()} == {3}
    assert all(row["mmd_cd"] >= 0 for row in controls.values() if row["mmd_cd"] is not None)
    files = list_files(url)
    assert {"report.html", "samples.png", "training/generator/model.safetensors"} <= files.keys()
    assert any(file.startswith("training/generator/tensorboard/events") for file in files)
    page = read_bytes(f"{url}/report.html").decode()
    assert "empty.stl" in page
    assert read_bytes(f"{url}/samples.png").startswith(b"\x89PNG")

    # The run's own configuration serves when nothing else is said; other samples are never refused, other fits are.
    output = finish(start_job("generate", "--run", url, "--generate.count", 2, "--generate.steps", 3))
    assert "making them again" in output
    assert not run.has("metrics.json"), "they were of the former samples"
    assert "generate.steps was 3 and is now 7" in mistake("evaluate", "--run", url, "--generate.steps", 7)
    without = ("--evaluate.controls", "False")
    finish(start_job("evaluate", "--run", url, "--generate.count", 2, "--generate.steps", 3, *without))
    assert json.loads(read_bytes(f"{url}/metrics.json"))["counts"]["generated"] == 2
    assert "fit.steps was 150 and is now 151" in mistake("fit", "--run", url, "--fit.steps", 151)
    write_bytes(f"{s3}/meshes/split.csv", "\n".join([*rows, "plank9.ply,train"]).encode())
    write_bytes(f"{s3}/meshes/plank9.ply", read_bytes(f"{s3}/meshes/plank0.ply"))
    assert "trained before 1 shapes were added to the data, plank9.ply for one" in mistake(
        "full_pipeline", "--run", url
    )
