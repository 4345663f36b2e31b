"""A sweep of real trials, from the command of docs/new-representation.md to the leaderboard."""

import csv
from pathlib import Path

import pytest
import yaml

from hdray.pipeline.instances import read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.signals.procedural import sources
from tests.jobs.tiny import TINY, finish, start_job
from tests.test_new_representation import write_package

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(500)]

SPLITS = ("train", "train", "train", "train", "validation", "test")
OTHERS = ("inputs.tables", "inputs.lamps", "inputs.mugs", "inputs.test_share", "inputs.validation_share")


MIXTURE = {
    "field.kind": "mnif",
    "field.width": 16,
    "field.layers": 2,
    "field.bases": 4,
    "field.context": 8,
    "field.mixture_points": 256,
    "fit.initialisation": "random",
    "shared.precision": "fp32",
    "shared.steps": 12,
    "shared.batch_size": 2,
    "generator.kind": "latent-diffusion",
}
"""Beside the kind of one's own in place of the MLP (which test_full_pipeline.py takes through all stages): bases are trained
by meta-learning, latents adapted to them, and modelled."""


def test_a_kind_of_ones_own_beside_a_mixture(tmp_path: Path, cluster: None) -> None:
    """Kind, split file and run are found from the folder of the command, in which no trial, and no node of Ray, starts."""
    space = write_package(tmp_path) / "mine" / "compare.yaml"
    tree = yaml.safe_load(space.read_text())
    variants = tree["vary"]["variants"]
    variants["radial"]["field.width"] = 64
    tree["vary"]["variants"] = {"radial": variants["radial"], "mnif": MIXTURE}
    entries = {"radial": 64 + 1, "mnif": 8}
    given = {key for variant in tree["vary"]["variants"].values() for key in variant}
    set_here = {**TINY, **dict.fromkeys(OTHERS, 0), "inputs.chairs": len(SPLITS), "inputs.split_file": "splits.csv"}
    tree["set"] = {key: value for key, value in set_here.items() if key not in given}
    tree["set"] |= {"evaluate.reference_split": "held-out", "fit.minimum_near_iou": 0.0}
    space.write_text(yaml.safe_dump(tree))
    split_of = dict(zip(sources({"chair": len(SPLITS)}), SPLITS, strict=True))
    (tmp_path / "splits.csv").write_text("file,split\n" + "".join(f"{file},{one}\n" for file, one in split_of.items()))

    command = ("--space", "mine/compare.yaml", "--run", "runs/compare", "--together", 2)
    output = finish(start_job("sweep", *command, folder=tmp_path), 480)
    run = tmp_path / "runs" / "compare"
    assert str(run) in output.splitlines(), "Ray may show what trials say after it"
    rows = {row["representation"]: row for row in csv.DictReader((run / "leaderboard.csv").read_text().splitlines())}
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(entries, "finished")
    for name, size in entries.items():
        trial = RunDirectory(str(run / "trials" / f"representation={name},seed=0"))
        metrics = trial.read_json("metrics.json")["metrics"]
        # So little training may leave no sample with a surface, and then there is nothing to measure.
        shown = {metric: "" if metrics[metric] is None else str(metrics[metric]) for metric in tree["metrics"]}
        assert {metric: rows[name][metric] for metric in tree["metrics"]} == shown
        assert 0 < float(rows[name]["iou"]) <= 1 and int(rows[name]["parameters"]) > 0
        fitted = read_columns(trial, ["source", "split", "theta"]).to_pylist()
        assert {row["source"]: row["split"] for row in fitted} == split_of
        assert {len(row["theta"]) for row in fitted} == {size} == {int(rows[name]["vector"])}
    assert int(rows["mnif"]["shared"]) > 0 and float(rows["mnif"]["seconds_shared"]) > 0
