"""What trials come to, compared: paired by seed, or best first."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.sweep_table import Result, best_first, compare, lines, rank_by
from hdray.report.leaderboard import Status, Trial
from tests.pipeline.searches import SEARCH
from tests.pipeline.test_sweep import SWEEP


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


NOTHING_FAILED: dict[str, Any] = {"failed": {}}


def test_differences_are_paired_by_seed_and_turned_to_what_is_better() -> None:
    table = compare(SWEEP, results(FOUND)) | NOTHING_FAILED
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
    table = compare(SWEEP, results({**FOUND, (20, 1): {"mmd_cd": None, "nna_cd": 0.2}})) | NOTHING_FAILED
    assert table["rows"]["20"]["mmd_cd"]["mean"] is None
    assert table["rows"]["20"]["mmd_cd"]["verdict"] == "unresolved"
    said = "\n".join(lines(SWEEP, table))
    assert "mmd_cd: 20 cannot be compared" in said
    assert "undefined" in said


def test_the_table_is_of_what_finished() -> None:
    found = {trial: metrics for trial, metrics in FOUND.items() if trial != (20, 1)}
    table = compare(SWEEP, results(found)) | {"failed": {"fit.steps=20,seed=1": "exit code 2"}}
    assert table["rows"]["10"]["mmd_cd"]["mean"] == pytest.approx(0.7)
    assert table["rows"]["20"]["mmd_cd"]["seeds"] == [0.4, None, 0.6]
    said = "\n".join(lines(SWEEP, table))
    assert "mmd_cd: 20 cannot be compared" in said and "fit.steps=20,seed=1 failed: exit code 2" in said


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    sweep = replace(SWEEP, seeds=(0,))
    table = compare(sweep, results(FOUND)) | NOTHING_FAILED
    found = table["rows"]["20"]["mmd_cd"]
    assert (found["gain_low"], found["gain_high"], found["verdict"]) == (None, None, "unresolved")
    assert "mmd_cd: 20 is better than 10 by 0.1 (one seed: no interval): unresolved" in "\n".join(lines(sweep, table))
    run = RunDirectory(str(tmp_path))
    run.write_json(table, "sweep.json")
    assert run.read_json("sweep.json") == table
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_json({"gain": float("inf")}, "sweep.json")


def test_published_metrics_that_are_not_ours_have_columns() -> None:
    sweep = replace(SWEEP, published={"10": {"mmd_cd": 3.5, "psnr": 24.68}, "20": {"psnr": 26.64, "rfid": 24.64}})
    heading, first, second = lines(sweep, compare(sweep, results(FOUND)) | NOTHING_FAILED)[2:5]
    assert heading.split()[-4:] == ["published", "psnr", "published", "rfid"]
    assert "[3.5]" in first and first.split()[-1] == "24.68"
    assert second.split()[-2:] == ["26.64", "24.64"]


def test_a_metric_of_the_sweep_s_own_orders_its_trials() -> None:
    metrics = {"reconstruction_cd": "lower", "mmd_cd": "lower"}
    trials = [
        Trial(name=name, values={}, metrics={"reconstruction_cd": value, "nna_cd": 0.5})
        for name, value in (("a", 0.5), ("b", 0.25))
    ]
    assert rank_by(replace(SWEEP, metrics=metrics)) == "reconstruction_cd"
    search = replace(SEARCH, metrics=metrics, objective="reconstruction_cd")
    table = best_first(search, trials)
    assert list(table["best_first"]) == ["b", "a"]
    assert table["best_first"]["b"]["reconstruction_cd"] == 0.25
    assert "reconstruction_cd 0.25" in lines(search, table | NOTHING_FAILED)[2]


def test_what_was_drawn_is_best_first() -> None:
    def trial(name: str, rate: float, **known: Any) -> Trial:
        return Trial(name=name, values={"train.learning_rate": rate}, **known)

    trials = [
        trial("a", 0.1, metrics={"mmd_cd": 0.5}),
        trial("b", 0.2, metrics={"mmd_cd": 0.1}, status=Status.STOPPED),
        trial("c", 0.3, metrics={"mmd_cd": 0.25, "nna_cd": 0.5}),
        trial("d", 0.4, status=Status.FAILED),
    ]
    table = best_first(SEARCH, trials) | {"failed": {"d": "exit code 2"}}
    assert list(table["best_first"]) == ["c", "a"]
    assert table["counts"] == {"finished": 2, "stopped": 1, "failed": 1}
    assert table["best_first"]["c"]["values"] == {"train.learning_rate": 0.3}
    said = lines(replace(SEARCH, title="rates"), table)
    assert said[:2] == ["rates", "2 trials finished, 1 trials stopped, 1 trials failed"]
    assert said[2].startswith("c: ") and "mmd_cd 0.25" in said[2] and "train.learning_rate = 0.3" in said[2]
