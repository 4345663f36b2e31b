"""What is told of a sweep's trials, from run directories as trials leave them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from safetensors.torch import save

from hdray.config.measured import evaluation_keys
from hdray.config.presets import demo
from hdray.config.sweep import Sweep
from hdray.pipeline import storage
from hdray.pipeline.instances import instances_schema, instances_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.standings import _ious, standings, write_standings
from hdray.pipeline.storage import write_bytes
from hdray.pipeline.training_rows import EXCLUDED
from hdray.pipeline.trials import known_trials
from hdray.report.leaderboard import Status
from tests.pipeline.searches import measure
from tests.pipeline.tables import write_rows
from tests.report.parsed import Page

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


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read whole from now on."""
    found: list[str] = []
    files = storage.filesystem("")

    class Counting(type(files)):  # type: ignore[misc]
        def cat_file(self, url: str, **options: Any) -> bytes:
            found.append(url)
            return files.cat_file(url, **options)

    monkeypatch.setattr(storage, "filesystem", lambda url: Counting())
    return found


def test_shapes_that_are_not_to_be_trained_on_are_none_trained_on(tmp_path: Path) -> None:
    run, config = RunDirectory(str(tmp_path)), demo()
    rows = [
        {"id": name, "split": "train", "status": "accepted", "iou": iou} for name, iou in (("a", 0.75), ("b", 0.25))
    ]
    write_rows(instances_table(run), "new", pa.Table.from_pylist(rows, schema=instances_schema()))
    run.write_json(["b"], *EXCLUDED)
    listed = replace(config, inputs=replace(config.inputs, exclude_file="list.txt"))
    assert (_ious(run, config), _ious(run, listed)) == ((None, 0.5), (None, 0.75))


def test_fits_trained_on_are_apart_from_held_out_ones_and_sizes_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = known_trials(SWEEP, str(tmp_path), "")
    for trial in trials:
        trial.succeed()
        metrics = {"nna_cd": 0.5 + trial.value / 10, "reconstruction_cd": 0.25 - trial.value / 100}
        measure(trial, metrics, cost={"parameters": 7})
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

    first.begin("fit", {}, {}, "commits")
    first.finish("fit", 30.0, uses={"share": str(tmp_path / "base")})
    base = RunDirectory(str(tmp_path / "base"))
    base.begin("share", {}, {}, "training")
    base.finish("share", 200.0)
    read = reads(monkeypatch)
    write_standings(SWEEP, str(tmp_path), standings(trials))
    assert not any(url.endswith("initialisation.safetensors") for url in read), "of that the header says all"
    assert read.count(trials[0].file) == 1 and read.count(first.path("metrics.json")) <= 2
    other, best = csv.DictReader((tmp_path / "leaderboard.csv").read_text().splitlines())
    assert (best["iou"], best["iou_training"], best["vector"], best["shared"]) == ("0.25", "0.625", "11", "24")
    assert (best["seconds"], best["seconds_shared"], other["seconds"]) == ("35.0", "200.0", "5.0")
    assert [other[name] for name in ("iou", "iou_training", "vector", "shared")] == [""] * 4
    assert float(other["reconstruction_cd"]) == pytest.approx(0.22), "the first metric ranks"
    assert float(best["reconstruction_cd"]) == pytest.approx(0.23)
    assert "Published psnr" in (tmp_path / "report.html").read_text()
    assert float(other["nna_cd"]) == pytest.approx(0.8)
    page = (tmp_path / "report.html").read_text()
    assert "Entries of a vector" in page and "Seconds for what trials share" in page


def test_a_trial_without_a_metric_that_the_space_compares_is_run_again(tmp_path: Path) -> None:
    (trial, _) = known_trials(SWEEP, str(tmp_path), "")
    trial.succeed()
    measure(trial, {"reconstruction_cd": 0.25})
    more = replace(trial, sweep=replace(SWEEP, metrics={**SWEEP.metrics, "categories_ari": "higher"}))
    assert (trial.status(), more.status()) == (Status.FINISHED, Status.UNFINISHED)
    # It may have no value, but must have been measured.
    trial.run.write_json({"metrics": {"reconstruction_cd": 0.25, "categories_ari": None}}, "metrics.json")
    assert more.status() == Status.FINISHED


def test_a_trial_that_was_evaluated_otherwise_since_is_run_again(tmp_path: Path) -> None:
    (trial, _) = known_trials(SWEEP, str(tmp_path), "")
    trial.succeed()
    measure(trial, {"reconstruction_cd": 0.25})
    otherwise = replace(trial.config, evaluate=replace(trial.config.evaluate, points=77))
    (tmp_path / "trials" / trial.name / "evaluations").mkdir()
    as_asked = (trial.config, True, Status.FINISHED)
    # The last is what a job that was killed leaves: the numbers are the former ones.
    for config, complete, status in (
        as_asked, (otherwise, True, Status.UNFINISHED), as_asked, (trial.config, False, Status.UNFINISHED),
    ):  # fmt: skip
        trial.run.remove("stages", "evaluate.json")
        trial.run.begin("evaluate", evaluation_keys(config), {}, "evaluations")
        trial.run.finish("evaluate", 1.0, complete=complete)
        assert trial.status() == status
    trial.run.remove("stages", "evaluate.json")
    assert trial.status() == Status.UNFINISHED


def test_the_page_says_how_trials_were_measured_whatever_the_sweep_begins_with(tmp_path: Path) -> None:
    variants = {
        "some": {"preset": "airplanes", "evaluate.points": 64},
        "more": {"preset": "airplanes", "evaluate.points": 128},
    }
    given = {"generate.resolution": 48, "evaluate.reference_split": "validation", "train.steps": 3}
    sweep = replace(SWEEP, key="amount", values=tuple(variants), variants=variants, set=given)
    trials = known_trials(sweep, str(tmp_path), "")
    for trial in trials:
        trial.succeed()
        measure(trial, {"reconstruction_cd": 0.25})
    write_standings(sweep, str(tmp_path), standings(trials))
    page = Page((tmp_path / "report.html").read_text())
    words = " ".join(page.text.split()).partition("How it was measured")[2]
    for said in (
        "preset airplanes",
        "protocol none, changed to 64 points or none, changed to 128 points",
        "points of a shape 64 or 128",
        "compared with shapes of validation",
        "cells along an edge 48",
        "train.steps 3",
    ):
        assert said in words
    assert "demo" not in words
