"""The page of a sweep: its leaderboard, all trials over all axes, what metrics cost, and samples of each representation."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hdray.metrics.worth import BETTER
from hdray.report.charts import Figure
from hdray.report.leaderboard import (
    COSTS,
    FURTHER,
    METRICS,
    RANK_BY,
    Ranked,
    Status,
    Trial,
    ranked,
    searched_keys,
)
from hdray.report.shell import KeyFigure, fill
from hdray.report.sweep_charts import cost_chart, parallel_chart

SECTIONS = (
    ("leaderboard", "Leaderboard"),
    ("axes", "All trials"),
    ("cost", "What it cost"),
    ("failures", "Failures"),
    ("samples", "Samples"),
    ("measured", "How it was measured"),
)
MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class SweepData:
    """Everything the page can show."""

    title: str
    run: str
    """The sweep's location as the user would type it after --run."""
    date: str
    trials: Sequence[Trial]
    rank_by: str = RANK_BY
    """The column of `metrics` that the order comes from."""
    metrics: Mapping[str, tuple[str, str]] = field(default_factory=METRICS.copy)
    """The metrics that are shown, as hdray.report.leaderboard.columns has them."""
    group_by: str | None = None
    """The searched key that dots are coloured by; None for one colour."""
    sheets: Mapping[str, bytes] = field(default_factory=dict)
    """Contact sheets, the bytes of PNG files, by what they are of (a representation, say)."""
    measured: Mapping[str, object] = field(default_factory=dict)
    """How metrics were measured, the protocol's name for one."""


@dataclass(frozen=True)
class Row:
    """A trial as the table shows it; `cells` for each heading of the page."""

    rank: str
    name: str
    status: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class CostChart:
    """A chart by its key and what it shows."""

    chart: str
    title: str


def sweep_page(data: SweepData) -> str:
    """The HTML of the sweep's report. Raises ValueError where two trials have one name."""
    names = [trial.name for trial in data.trials]
    if len(set(names)) < len(names):
        raise ValueError("trials need names of their own")
    order = ranked(data.trials, data.rank_by, data.metrics)
    name, better = data.metrics[data.rank_by]
    charts: dict[str, Figure] = {"parallel": parallel_chart(order, data.metrics)} if order else {}
    costs = []
    groups = _groups(data)
    for cost in COSTS:
        if chart := cost_chart(order, data.rank_by, cost, groups, data.metrics):
            charts[f"cost-{cost}"] = chart
            costs.append(CostChart(f"cost-{cost}", f"{name} against {COSTS[cost].lower()}"))
    failed = [
        (row.trial.name, row.trial.error or "no reason was recorded")
        for row in order
        if row.trial.status == Status.FAILED
    ]
    absent = {section for section, what in (("failures", failed), ("measured", data.measured)) if not what}
    keys = searched_keys(data.trials)
    published = list(dict.fromkeys(metric for trial in data.trials for metric in trial.published))
    return fill(
        "sweep.html.j2",
        charts,
        data=data,
        sections=[section for section in SECTIONS if section[0] not in absent],
        figures=_key_figures(order, data.rank_by, name),
        order_sentence=f"In the order of {name} ({BETTER[better]}).",
        keys=keys,
        headings=[
            *(heading for heading, _ in data.metrics.values()),
            *COSTS.values(),
            *FURTHER.values(),
            *(f"Published {metric}" for metric in published),
        ],
        rows=[_row(row, keys, [*data.metrics, *COSTS, *FURTHER], published) for row in order],
        costs=costs,
        failed=failed,
        sheets=[(name, _data_url(png)) for name, png in data.sheets.items()],
    )


def _groups(data: SweepData) -> dict[str, str]:
    """The group of each trial, by its name."""
    key = data.group_by
    return {trial.name: "trials" if key is None else str(trial.values.get(key, "none")) for trial in data.trials}


def _key_figures(order: Sequence[Ranked], rank_by: str, name: str) -> list[KeyFigure]:
    failed = sum(row.trial.status == Status.FAILED for row in order)
    figures = [KeyFigure("Trials", f"{len(order):,}", f"{failed:,} failed")]
    if order and order[0].rank:
        best = order[0].trial
        figures.append(KeyFigure(f"Best {name}", _number(best.number(rank_by)), best.name))
    if known := [row.trial for row in order if row.trial.own]:
        note = f"of {len(known):,} trials" if len(known) < len(order) else "all trials"
        # What several have was made once.
        spent = {key: value for trial in known for key, value in {**trial.own, **(trial.used or {})}.items()}
        figures.append(KeyFigure("Hours", f"{sum(spent.values()) / 3600:.3g}", f"{note}, what they share once"))
    return figures


def _row(row: Ranked, keys: Sequence[str], columns: Sequence[str], published: Sequence[str]) -> Row:
    trial = row.trial
    searched = [_searched(trial.values[key]) if key in trial.values else "" for key in keys]
    measured = [_number(trial.number(column)) for column in columns]
    # A value that the paper does not have, or has no row for, is nothing that went missing.
    printed = [f"{trial.published[metric]:g}" if metric in trial.published else "" for metric in published]
    cells = (*searched, *measured, *printed)
    return Row("" if row.rank is None else str(row.rank), trial.name, trial.status, cells)


def _searched(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
