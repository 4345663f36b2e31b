"""Fields that share trained networks pass through every stage as others do, and are set beside each other."""

import json
from pathlib import Path

import pytest

from hdray.pipeline.field import initialisation_url, read_shared
from hdray.pipeline.instances import read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from tests.jobs.tiny import arguments, finish, start_job

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]

SHARED = {"shared__steps": 30, "shared__batch_size": 2, "shared__log_steps": 10, "fit__initialisation": "random"}
LOW_RANK = {
    **SHARED,
    "inputs__tables": 6,
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


def test_low_rank_fields_and_their_analysis(tmp_path: Path) -> None:
    kinds = {"mlora": {"field__kind": "mlora", "field__asymmetric": True}, "lora": {"field__kind": "lora"}}
    for name, keys in kinds.items():
        place = ("--run", tmp_path / name, "--store", tmp_path / "store")
        stages = ("full_pipeline", "fit") if name == "mlora" else ("fit",)
        output = finish(start_job(stages[0], *arguments(**LOW_RANK, **keys), *place), 580)
        assert ("sampling 16 shapes" in output, "loss" in output) == (
            (True, True) if name == "mlora" else (False, False)
        )
    assert len(list((tmp_path / "store" / "points").iterdir())) == 1, "points are sampled once for both"
    assert len(list((tmp_path / "store" / "networks").iterdir())) == 1, "both adapt one network"
    run = RunDirectory(str(tmp_path / "mlora"))
    assert read_fitted(run, ["train"]).theta.shape[1] == 32 + 3 * 2 * (32 - 6 + 32)
    shared = read_shared(initialisation_url(run))
    assert not any(name.startswith("latents.") for name in shared) and any(name.startswith("masks.") for name in shared)
    rows = read_columns(run, ["shared_hash", "category"]).to_pylist()
    assert len({row["shared_hash"] for row in rows}) == 1 and {row["category"] for row in rows} == {"chair", "table"}
    assert json.loads((tmp_path / "mlora" / "metrics.json").read_text())["counts"]["generated"] == 5

    runs = [f"{name}={tmp_path / name}" for name in kinds]
    output = finish(
        start_job("analyse", "--runs", *runs, "--out", tmp_path / "out", "--instances", 2, "--strengths", 0, 1)
    )
    page = (tmp_path / "out" / "analysis.html").read_text()
    assert output.splitlines()[-1] == f"{tmp_path}/out/analysis.html"
    assert "Weight similarity" in page and "Not measured: no representation here has basis networks" in page


def test_a_mixture_of_networks(tmp_path: Path) -> None:
    keys = {
        **SHARED,
        "shared__precision": "fp32",
        "field__kind": "mnif",
        "field__bases": 8,
        "field__context": 16,
        "field__mixture_points": 256,
        "fit__minimum_near_iou": 0.0,
        "generator__kind": "latent-diffusion",
    }
    finish(start_job("full_pipeline", *arguments(**keys), "--run", tmp_path), 580)
    assert read_fitted(RunDirectory(str(tmp_path)), ["train"]).theta.shape[1] == 16
    assert (tmp_path / "report.html").exists()
