"""What trials come to, compared: paired by seed, or best first."""

from dataclasses import replace
from typing import Any

import pytest

from hdray.pipeline.sweep_table import Result, best_first, compare, lines
from hdray.report.leaderboard import FAILED, STOPPED, Trial
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


def test_what_was_drawn_is_best_first() -> None:
    def trial(name: str, rate: float, **known: Any) -> Trial:
        return Trial(name=name, values={"train.learning_rate": rate}, **known)

    trials = [
        trial("a", 0.1, mmd_cd=0.5),
        trial("b", 0.2, mmd_cd=0.1, status=STOPPED),
        trial("c", 0.3, mmd_cd=0.25, nna_cd=0.5),
        trial("d", 0.4, status=FAILED),
    ]
    table = best_first(SEARCH, trials)
    assert list(table["best_first"]) == ["c", "a"]
    assert table["counts"] == {"finished": 2, "stopped": 1, "failed": 1}
    assert table["best_first"]["c"]["values"] == {"train.learning_rate": 0.3}
    said = lines(replace(SEARCH, title="rates"), table)
    assert said[:2] == ["rates", "2 trials finished, 1 trials stopped, 1 trials failed"]
    assert said[2].startswith("c: ") and "mmd_cd 0.25" in said[2] and "train.learning_rate = 0.3" in said[2]
