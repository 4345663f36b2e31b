"""The trials of a sweep in order of what they came to, and as a table for other programs (leaderboard.csv)."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hdray.metrics.worth import worth
from hdray.report.metric_words import title

METRICS = {
    "iou": ("IoU of fits", "higher"),
    "mmd_cd": ("MMD", "lower"),
    "cov_cd": ("COV", "higher"),
    "nna_cd": ("1-NNA", "half"),
}
"""Columns of every leaderboard: what a reader calls each, and which values are better (hdray.metrics.worth)."""
COSTS = {"parameters": "Parameters", "seconds": "Seconds"}
FURTHER = {
    "iou_training": "IoU of fits trained on",
    "vector": "Entries of a vector",
    "shared": "Entries shared by all",
    "seconds_shared": "Seconds for what trials share",
}
"""Columns that say how a representation was come by; no order is made by them."""
RANK_BY = "nna_cd"


class Status(StrEnum):
    """How far a trial has come."""

    FINISHED = "finished"
    STOPPED = "stopped"
    """Early: it was not among the best at a rung."""
    FAILED = "failed"
    UNFINISHED = "unfinished"
    """There is something left to do."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial: what was searched, and what it came to. What is not known, or not finite, is missing."""

    name: str
    values: Mapping[str, Any]
    """Searched key to the trial's value; keys that a trial does not have (of another kind of field, say) are left out."""
    status: Status = Status.FINISHED
    """Only finished trials have a rank."""
    error: str = ""
    steps: int | None = None
    """Steps of training after which it was measured: of a stopped trial, the rung it came to."""
    parameters: int | None = None
    """Of the generator."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """By column: iou of fits of held-out shapes, and metrics of generated ones."""
    published: Mapping[str, float] = field(default_factory=dict)
    """What a paper has for the trial's value, by metric as named there."""
    own: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Seconds of its stages, by stage and by where that was: trials that took over fits have the same ones."""
    used: Mapping[tuple[str, str], float] | None = None
    """Likewise of what made what it used and others may use too, such as networks; None where that is not known."""
    measured: Mapping[str, object] = field(default_factory=dict)
    """How it was measured, the protocol's name for one."""
    iou_training: float | None = None
    """Of fits of training shapes, which networks that are shared have seen."""
    vector: int | None = None
    """Entries of a vector."""
    shared: int | None = None
    """Entries of the networks that all instances share; 0 for none."""

    @property
    def seconds(self) -> float | None:
        """What the trial takes, all its stages, where what trials share is there."""
        return sum(self.own.values()) if self.own else None

    @property
    def seconds_shared(self) -> float | None:
        """What it takes to make what it shares with others, whichever of them was the first to need it."""
        return None if self.used is None else sum(self.used.values())

    def number(self, column: str) -> float | None:
        """A metric, a cost or one of FURTHER by its column; None where it is missing."""
        value = getattr(self, column) if column in (*COSTS, *FURTHER) else self.metrics.get(column)
        return None if value is None or not math.isfinite(value) else value


@dataclass(frozen=True)
class Ranked:
    """A trial with its place, from 1; None for one that is not finished, or lacks the metric that ranks."""

    rank: int | None
    trial: Trial


def columns(own: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """METRICS and a sweep's `own` metrics (by name, which values are better): name and what is better, by column."""
    return METRICS | {column: (METRICS.get(column, (title(column),))[0], better) for column, better in own.items()}


def ranked(
    trials: Sequence[Trial], rank_by: str = RANK_BY, metrics: Mapping[str, tuple[str, str]] = METRICS
) -> list[Ranked]:
    """All trials, best first by a column of `metrics`, equals by name; then those without a rank, failed ones last.

    What a stopped trial came to is of less training, and does not compare.

    Equally good ones share a place. Raises KeyError for another column.
    """
    better = metrics[rank_by][1]
    worths = {place: _worth_of(trial, rank_by, better) for place, trial in enumerate(trials)}
    known = sorted((-found, trials[place].name, place) for place, found in worths.items() if found is not None)
    losses = [loss for loss, _, _ in known]
    unranked = [trials[place] for place, found in worths.items() if found is None]
    unranked.sort(key=lambda trial: (trial.status == Status.FAILED, trial.name))
    return [Ranked(losses.index(loss) + 1, trials[place]) for loss, _, place in known] + [
        Ranked(None, trial) for trial in unranked
    ]


def searched_keys(trials: Sequence[Trial]) -> list[str]:
    """The keys that any of the trials has, in order of first appearance."""
    return list(dict.fromkeys(key for trial in trials for key in trial.values))


def leaderboard_csv(
    trials: Sequence[Trial], rank_by: str = RANK_BY, metrics: Mapping[str, tuple[str, str]] = METRICS
) -> str:
    """A row a trial, in order: rank, trial, status, a column a searched key, steps, costs and metrics in full, error.

    Missing ones are empty, and texts are on one line (errors often have several). Raises KeyError for a `rank_by` that is
    no metric.
    """
    keys = searched_keys(trials)
    numbers = ("parameters", *metrics, "seconds", "steps", *FURTHER)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "trial", "status", *keys, *numbers, "error"])
    for row in ranked(trials, rank_by, metrics):
        trial = row.trial
        cells = [row.rank, trial.name, trial.status, *(trial.values.get(key) for key in keys)]
        cells += [*(trial.steps if column == "steps" else trial.number(column) for column in numbers), trial.error]
        writer.writerow([" ".join(cell.split()) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()


def _worth_of(trial: Trial, column: str, better: str) -> float | None:
    value = trial.number(column)
    return None if value is None or trial.status != Status.FINISHED else worth(value, better)
