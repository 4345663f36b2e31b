"""What a sweep's trials come to, compared: values against the first one over seeds, or what was drawn, best first."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hdray.config.sweep import Sweep
from hdray.metrics.repetitions import paired_difference
from hdray.metrics.worth import worth
from hdray.report.leaderboard import Trial, columns, ranked

COSTS = ("parameters", "train_seconds")
"""What is printed beside the metrics: methods compare at equal cost or not at all."""
_BEST = 5
"""Trials of a search that are printed; leaderboard.csv has all of them."""


@dataclass(frozen=True)
class Result:
    """What a trial came to: its metrics, null where undefined, and what its generator cost."""

    metrics: dict[str, float | None]
    cost: dict[str, float]


_NOTHING = Result({}, {})
"""Of a trial that did not finish."""


def compare(sweep: Sweep, found: dict[tuple[Any, int], Result]) -> dict[str, Any]:
    """Means over seeds of each value's metrics and costs, and each value against the first: by how much, and how surely.

    A difference is resolved when its 95 % interval (hdray.metrics.repetitions) excludes zero; of one seed there is none
    (null). A metric that one of the trials does not have (it failed, or no sample has a surface) is null, and its
    differences unresolved.
    """
    rows: dict[str, Any] = {}
    first = sweep.values[0]
    for value in sweep.values:
        results = [found.get((value, seed), _NOTHING) for seed in sweep.seeds]
        costs = {name: _mean([result.cost.get(name) for result in results]) for name in COSTS}
        row: dict[str, Any] = {"published": sweep.published.get(str(value), {}), "cost": costs}
        for metric, better in sweep.metrics.items():
            each = [result.metrics.get(metric) for result in results]
            row[metric] = {"mean": _mean(each), "seeds": each}
            if value != first:
                row[metric] |= _against(
                    [found.get((first, seed), _NOTHING).metrics.get(metric) for seed in sweep.seeds], each, better
                )
        rows[str(value)] = row
    return {"title": sweep.title, "key": sweep.key, sweep.seed_key: list(sweep.seeds), "rows": rows}


def _against(first: Sequence[float | None], each: Sequence[float | None], better: str) -> dict[str, Any]:
    """How much better the values are than those of the first one, seed by seed."""
    values, values_of_first = ([worth(one, better) for one in some if one is not None] for some in (each, first))
    if len(values) < len(each) or len(values_of_first) < len(first):
        return {"gain": None, "gain_low": None, "gain_high": None, "verdict": "unresolved"}
    found = paired_difference(values, values_of_first)
    low, high = (bound if math.isfinite(bound) else None for bound in (found.low, found.high))
    return {"gain": found.mean, "gain_low": low, "gain_high": high, "verdict": found.verdict}


def lines(sweep: Sweep, table: dict[str, Any]) -> list[str]:
    """The table for people, the published one beside it; of a search, its best trials."""
    failures = [f"{name} failed: {error}" for name, error in table["failed"].items()]
    if failures:
        failures.append(
            "What failed twice is not run again, unless its failed.json is deleted or the space gives it other values."
        )
    return (_best_lines(sweep, table) if sweep.chooses else _mean_lines(sweep, table)) + failures


def _mean_lines(sweep: Sweep, table: dict[str, Any]) -> list[str]:
    metrics = list(sweep.metrics)
    others = published_alone(sweep)
    width = max(len(str(value)) for value in sweep.values) + 2
    said = [table["title"], f"{sweep.key}, means over {len(sweep.seeds)} seeds, published values in brackets:"]
    headings = (*metrics, *COSTS, *(f"published {name}" for name in others))
    said.append(" " * width + "".join(f"{name:>22}" for name in headings))
    for value, row in table["rows"].items():
        cells = []
        for metric in metrics:
            published = row["published"].get(metric)
            beside = "" if published is None else f" [{published:g}]"
            cells.append(_number(row[metric]["mean"]) + beside)
        cells += [_number(row["cost"][name]) for name in COSTS]
        cells += [f"{row['published'][name]:g}" if name in row["published"] else "" for name in others]
        said.append(value.ljust(width) + "".join(f"{cell:>22}" for cell in cells))
    for value, row in table["rows"].items():
        for metric in metrics:
            found = row[metric]
            if "verdict" not in found:
                continue
            if found["gain"] is None:
                said.append(f"{metric}: {value} cannot be compared, some trials have no value: {found['verdict']}")
                continue
            direction = "better" if found["gain"] > 0 else "worse"
            interval = "one seed: no interval"
            if found["gain_low"] is not None:
                interval = f"95 % interval of the gain {found['gain_low']:.3g} to {found['gain_high']:.3g}"
            said.append(
                f"{metric}: {value} is {direction} than {sweep.values[0]} by {abs(found['gain']):.3g} ({interval}): "
                f"{found['verdict']}"
            )
    return said


def best_first(sweep: Sweep, trials: Sequence[Trial]) -> dict[str, Any]:
    """What finished of a sweep that chooses, best first by its objective, and how many trials came to what."""
    metrics = columns(sweep.metrics)
    finished = [row.trial for row in ranked(trials, rank_by(sweep), metrics) if row.rank]
    kept = {one.name: {"values": dict(one.values), **{name: one.number(name) for name in metrics}} for one in finished}
    counts = Counter(one.status for one in trials)
    return {"title": sweep.title, "objective": sweep.objective, "counts": dict(counts), "best_first": kept}


def rank_by(sweep: Sweep) -> str:
    """The column of the leaderboard that orders a sweep's trials: its objective, or else its first metric."""
    return sweep.objective or next(iter(sweep.metrics))


def published_alone(sweep: Sweep) -> list[str]:
    """The published metrics that are none of the sweep's own, in order of first appearance."""
    return list(dict.fromkeys(name for row in sweep.published.values() for name in row if name not in sweep.metrics))


def _best_lines(sweep: Sweep, table: dict[str, Any]) -> list[str]:
    said = [table["title"], ", ".join(f"{count} trials {status}" for status, count in table["counts"].items())]
    for name, row in list(table["best_first"].items())[:_BEST]:
        metrics = ", ".join(f"{metric} {_number(row[metric])}" for metric in columns(sweep.metrics))
        said.append(f"{name}: {metrics}; {', '.join(f'{key} = {value}' for key, value in row['values'].items())}")
    return said


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}"


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, None where a value is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
