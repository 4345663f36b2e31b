"""What is told of a sweep's trials, from run directories as trials leave them."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from safetensors.torch import save

from hdray.config.sweep import Sweep
from hdray.pipeline.instances import instances_schema, instances_table
from hdray.pipeline.standings import standings, write_standings
from hdray.pipeline.storage import write_bytes
from hdray.pipeline.trials import known_trials
from tests.pipeline.tables import write_rows

SWEEP = Sweep(
    title="ranks",
    preset="demo",
    set={},
    key="field.rank",
    values=(2, 3),
    seed_key="seed",
    seeds=(0,),
    metrics={"reconstruction_cd": "lower"},
    published={"2": {"psnr": 24.5}},
)


def test_fits_trained_on_are_apart_from_held_out_ones_and_sizes_are_given(tmp_path: Path) -> None:
    trials = known_trials(SWEEP, str(tmp_path), "")
    for trial in trials:
        trial.succeed()
        metrics = {"nna_cd": 0.5 + trial.value / 10, "reconstruction_cd": 0.25 - trial.value / 100}
        trial.run.write_json({"metrics": metrics, "cost": {"parameters": 7}}, "metrics.json")
        write_bytes(trial.run.path("report.html"), b"a page")
    rows = [
        {"id": name, "split": split, "status": "accepted", "iou": iou}
        for name, split, iou in (
            ("a", "train", 0.75),
            ("b", "train", 0.5),
            ("c", "test", 0.25),
            ("d", "validation", None),
        )
    ]
    first = trials[0].run
    write_rows(instances_table(first), "new", pa.Table.from_pylist(rows, schema=instances_schema()))
    shared = {
        "theta": torch.zeros(11),
        "shared.base.weight": torch.zeros(4, 5),
        "shared.base.bias": torch.zeros(4),
        "shared.masks.a.positions": torch.zeros(3, 2, dtype=torch.int64),
    }
    write_bytes(first.path("shared", "initialisation.safetensors"), save(shared))

    write_standings(SWEEP, str(tmp_path), standings(trials))
    other, best = csv.DictReader((tmp_path / "leaderboard.csv").read_text().splitlines())
    assert (best["iou"], best["iou_training"], best["vector"], best["shared"]) == ("0.25", "0.625", "11", "24")
    assert [other[name] for name in ("iou", "iou_training", "vector", "shared")] == [""] * 4
    assert float(other["reconstruction_cd"]) == pytest.approx(0.22), "the first metric ranks"
    assert float(best["reconstruction_cd"]) == pytest.approx(0.23)
    assert "Published psnr" in (tmp_path / "report.html").read_text()
    assert float(other["nna_cd"]) == pytest.approx(0.8)
    assert "Entries of a vector" in (tmp_path / "report.html").read_text()
