"""Fields that share trained networks: sampled, trained and fitted by one job, their surfaces looked at by another."""

from pathlib import Path

import pytest

from hdray.pipeline.field import initialisation_url, read_shared
from hdray.pipeline.generate_stage import samples_table
from hdray.pipeline.instances import read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.spent import used_seconds
from tests.jobs.tiny import arguments, finish, start_job

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]

LOW_RANK = {
    "inputs__tables": 6,
    "shared__steps": 30,
    "shared__batch_size": 2,
    "shared__log_steps": 10,
    "fit__initialisation": "random",
    "field__kind": "mlora",
    "field__asymmetric": True,
    "shared__points_per_row": 1024,
    "shared__stages": 2,
    "field__blocks": 1,
    "field__latent": 8,
    "field__mapping_layers": 1,
    "field__mapping_width": 16,
    "field__rank": 2,
    "fit__minimum_near_iou": 0.0,
    "generator__kind": "lora-diffusion",
}


def test_low_rank_fields_and_their_analysis(tmp_path: Path, cluster: None) -> None:
    run, store = RunDirectory(str(tmp_path / "mlora")), tmp_path / "store"
    output = finish(start_job("full_pipeline", *arguments(**LOW_RANK), "--run", run.url, "--store", store), 580)
    assert "sampling 16 shapes" in output and "training what mlora fields share on" in output
    assert all(len(list((store / kind).iterdir())) == 1 for kind in ("points", "networks"))
    used = used_seconds(run)
    assert used is not None and {stage for stage, _ in used} >= {"sample", "share"}, "with clocks of their own"
    assert all(where.startswith(str(store)) and seconds > 0 for (_, where), seconds in used.items())
    assert read_fitted(run, ["train"]).theta.shape[1] == 32 + 3 * 2 * (32 - 6 + 32)
    shared = read_shared(initialisation_url(run))
    assert not any(name.startswith("latents.") for name in shared) and any(name.startswith("masks.") for name in shared)
    rows = read_columns(run, ["shared_hash", "category"]).to_pylist()
    assert len({row["shared_hash"] for row in rows}) == 1 and {row["category"] for row in rows} == {"chair", "table"}

    made = samples_table(run).read(["theta"])["theta"].to_pylist()
    assert [len(theta) for theta in made] == [32 + 3 * 2 * (32 - 6 + 32)] * 5
    counts = run.read_json("metrics.json")["counts"]
    assert counts["generated"] == 5 and run.has("report.html")

    choice = ("--shapes", 1, "--instances", 1, "--strengths", 1)
    # One run twice, for what runs on a page have in common: points, and the ends of what lies between.
    runs = (f"mlora={run.url}", f"again={run.url}")
    output = finish(start_job("analyse", "--runs", *runs, "--out", tmp_path / "out", *choice))
    page = (tmp_path / "out" / "analysis.html").read_text()
    assert output.splitlines()[-1] == f"{tmp_path}/out/analysis.html"
    assert all(f"{name}, {part}" in page for name in ("mlora", "again") for part in ("training split", "held out"))
    assert " surface at 40%" in page
    assert "Weight similarity" in page and "Not measured: no representation here has basis networks" in page
