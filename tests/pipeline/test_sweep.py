"""Sweeps: trials under Tune, a failure among them, resumption, and the table."""

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hdray.config.sweep import Sweep, trial_name
from hdray.errors import UserError
from hdray.pipeline.sweep import Result, _donors, compare, lines, run_sweep

SWEEP = Sweep(
    title="steps",
    preset="demo",
    set={},
    key="fit.steps",
    values=(10, 20),
    seed_key="seed",
    seeds=(0, 1, 2),
    metrics={"mmd_cd": "lower", "nna_cd": "half"},
    published={"10": {"mmd_cd": 3.5}},
)

JOB = """
import json, pathlib, sys, yaml
run, config = pathlib.Path(sys.argv[4]), yaml.safe_load(open(sys.argv[2]))
if "seed=1" in run.name and not pathlib.Path({marker!r}).exists():
    sys.exit(2)
run.mkdir(exist_ok=True)
with open({log!r}, "a") as log:
    log.write(run.name + "\\n")
metrics = {{"mmd_cd": 1 / config["fit"]["steps"] + config["seed"] / 1000, "nna_cd": 0.6}}
(run / "metrics.json").write_text(json.dumps({{"metrics": metrics}}))
(run / "report.html").write_text("a page")
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_failed_trial_stops_no_other_and_is_run_again(ray_cluster: None, tmp_path: Path) -> None:
    """The job is a stand-in: what Tune does with it is real."""
    marker, log = tmp_path / "mended", tmp_path / "log"
    script = tmp_path / "job.py"
    script.write_text(JOB.format(marker=str(marker), log=str(log)))
    job = (sys.executable, str(script))
    run = str(tmp_path / "sweep")
    with pytest.raises(UserError, match=r"2 of 6 trials have no metrics, fit\.steps=10,seed=1 .*exit code 2"):
        run_sweep(SWEEP, "", run, 2, job)
    assert len(log.read_text().splitlines()) == 4
    standings = list(csv.DictReader((tmp_path / "sweep" / "leaderboard.csv").read_text().splitlines()))
    assert [row["status"] for row in standings] == ["finished"] * 4 + ["failed"] * 2
    assert "exit code 2" in standings[-1]["error"] and standings[0]["nna_cd"] == "0.6"
    assert "fit.steps=20,seed=1" in (tmp_path / "sweep" / "report.html").read_text()
    marker.touch()
    table = run_sweep(SWEEP, "", run, 2, job)
    done = log.read_text().splitlines()
    assert len(done) == len(set(done)) == 6, "what was finished is not run again"
    assert table["rows"]["20"]["mmd_cd"]["mean"] == pytest.approx(0.051)
    assert (tmp_path / "sweep" / "sweep.json").exists()
    # Another configuration of a trial is given to its run, whatever metrics it holds.
    run_sweep(replace(SWEEP, set={"train.steps": 7}), "", run, 2, job)
    assert len(log.read_text().splitlines()) == 12


def test_trials_that_differ_in_training_alone_share_their_fits(tmp_path: Path) -> None:
    apart = replace(SWEEP, key="generator.width", values=(64, 96), seed_key="generator.seed")
    assert set(_donors(apart).values()) == {"generator.width=64,seed=0"}
    fitted = replace(SWEEP, seed_key="generator.seed")
    assert _donors(fitted)[20, 2] == "fit.steps=20,seed=0"
    assert all(_donors(SWEEP)[trial] == trial_name(SWEEP, *trial) for trial in SWEEP.trials())


def results(metrics: dict[tuple[int, int], dict[str, float | None]]) -> dict[tuple[Any, int], Result]:
    return {trial: Result(found, {"parameters": 1_000, "train_seconds": trial[0]}) for trial, found in metrics.items()}


FOUND: dict[tuple[int, int], dict[str, float | None]] = {
    (10, 0): {"mmd_cd": 0.5, "nna_cd": 0.9},
    (20, 0): {"mmd_cd": 0.4, "nna_cd": 0.3},
    (10, 1): {"mmd_cd": 0.9, "nna_cd": 0.6},
    (20, 1): {"mmd_cd": 0.8, "nna_cd": 0.2},
    (10, 2): {"mmd_cd": 0.7, "nna_cd": 0.5},
    (20, 2): {"mmd_cd": 0.6, "nna_cd": 0.5},
}


def test_differences_are_paired_by_seed_and_turned_to_what_is_better() -> None:
    table = compare(SWEEP, results(FOUND))
    mmd, nna = table["rows"]["20"]["mmd_cd"], table["rows"]["20"]["nna_cd"]
    assert mmd["gain"] == pytest.approx(0.1)
    assert mmd["verdict"] == "resolved"
    # Distances from one half: 0.4, 0.1, 0 against 0.2, 0.3, 0.
    assert nna["gain"] == pytest.approx(0.0)
    assert nna["verdict"] == "unresolved"
    assert table["rows"]["20"]["cost"] == {"parameters": 1_000, "train_seconds": 20}
    said = "\n".join(lines(SWEEP, table))
    assert "[3.5]" in said
    assert "mmd_cd: 20 is better than 10 by 0.1 (95 % interval of the gain 0.1 to 0.1): resolved" in said


def test_a_metric_that_a_trial_does_not_have_decides_nothing() -> None:
    table = compare(SWEEP, results({**FOUND, (20, 1): {"mmd_cd": None, "nna_cd": 0.2}}))
    assert table["rows"]["20"]["mmd_cd"]["mean"] is None
    assert table["rows"]["20"]["mmd_cd"]["verdict"] == "unresolved"
    said = "\n".join(lines(SWEEP, table))
    assert "mmd_cd: 20 cannot be compared" in said
    assert "undefined" in said
