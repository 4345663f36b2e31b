"""The charts of a sweep's page: parallel coordinates of all trials, and a metric against what it cost."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hdray.report.charts import Figure, numbers, plain
from hdray.report.colours import colour, symbol
from hdray.report.leaderboard import COSTS, METRICS, Ranked, Trial, searched_keys

_MOST_TICKS = 8  # values of a searched key that get a tick each
_TICKS = 5  # of a continuous axis
_DECADES = 1.5  # a range wider than this is shown on a logarithmic axis
_BELOW = 0.15  # how far below an axis's range missing values lie, as a share of it
_DRAWN_LETTERS = 9  # a number that takes more was drawn from a range: one of few, but not chosen by anyone
_MOST_LETTERS = 32  # of a searched value beside its tick
_LETTER = 6.5  # pixels that a letter of a tick's text is wide at most, on average
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def parallel_chart(trials: Sequence[Ranked], metrics: Mapping[str, tuple[str, str]] = METRICS) -> Figure:
    """A line a trial over an axis a searched key, cost and metric, the better the stronger its colour."""
    given = [row.trial for row in trials]
    searched = {key: [trial.values.get(key) for trial in given] for key in searched_keys(given)}
    # A value that all have, such as the only seed, tells no trials apart.
    dimensions = [axis(key, values) for key, values in searched.items() if any(value != values[0] for value in values)]
    for column, name in [*COSTS.items(), *((column, name) for column, (name, _) in metrics.items())]:
        values = [trial.number(column) for trial in given]
        if any(value is not None for value in values) and (len(given) == 1 or len(set(values)) > 1):
            dimensions.append(axis(name, values, ticks=0))
    last = max((row.rank or 0 for row in trials), default=0)
    # Without a rank: as faint as the worst.
    strength = [last - row.rank if row.rank else 0 for row in trials]
    line = {"color": strength, "colorscale": [[0, "@faint"], [1, "@generated"]], "cmin": 0, "cmax": max(last - 1, 1)}
    trace = {"type": "parcoords", "dimensions": dimensions, "line": line, "labelangle": -12}
    # Texts stand to the left of their axis. Any axis may be dragged to the left end, so there is room for the longest.
    letters = max((len(html.unescape(text)) for one in dimensions for text in one["ticktext"]), default=0)
    left = max(70, round(_LETTER * letters) + 15)
    return {"data": [trace], "layout": {"margin": {"l": left, "r": 60, "t": 90, "b": 20}}}


def axis(name: str, values: Sequence[Any], ticks: int = _MOST_TICKS) -> Figure:
    """One of Plotly's parallel axes: a place per value, equally far apart where they are few (`ticks`) and short, or no numbers.

    Numbers over more than one and a half decades are placed by their logarithms. A value that is missing (None) lies
    below all others, at a tick that says "none": Plotly cannot leave a line out of one axis.
    """
    shown: list[Any] = [value if value is None or _is_number(value) else str(value) for value in values]
    known = [value for value in shown if value is not None]
    different = list(dict.fromkeys(known))
    many = len(different) > ticks or any(len(str(value)) > _DRAWN_LETTERS for value in different)
    if many and all(_is_number(value) for value in different):
        logarithmic = min(different) > 0 and math.log10(max(different) / min(different)) > _DECADES
        places = {value: math.log10(value) if logarithmic else float(value) for value in different}
        low, high = min(places.values()), max(places.values())
        high = high if high > low else low + 1
        marks = [float(mark) for mark in np.linspace(low, high, _TICKS)]
        texts = [short(10**mark if logarithmic else mark) for mark in marks]
    else:
        ordered = sorted(different) if all(_is_number(value) for value in different) else different
        places = {value: float(place) for place, value in enumerate(ordered)}
        low, high = 0.0, float(max(len(ordered) - 1, 1))
        marks, texts = list(places.values()), [plain(fitting(str(value))) for value in ordered]
    if len(known) < len(shown):
        low -= _BELOW * (high - low)
        marks, texts = [low, *marks], ["none", *texts]
    placed = [low if value is None else places[value] for value in shown]
    return {
        "label": plain(name),
        "values": numbers(np.array(placed)),
        "range": [low, high],
        "tickvals": marks,
        "ticktext": texts,
    }


def cost_chart(
    trials: Sequence[Ranked],
    metric: str,
    cost: str,
    groups: Mapping[str, str],
    metrics: Mapping[str, tuple[str, str]] = METRICS,
) -> Figure | None:
    """A metric against a cost, a dot a trial in the colour of its group (`groups` by trial); None where no trial has both."""
    title, better = metrics[metric]
    data: list[Figure] = []
    for number, group in enumerate(dict.fromkeys(groups.values())):
        points = [
            (row.trial.number(cost), row.trial.number(metric), plain(row.trial.name), _searched(row.trial))
            for row in trials
            if groups[row.trial.name] == group
        ]
        both = [point for point in points if point[0] is not None and point[1] is not None]
        if not both:
            continue
        x, y, names, searched = zip(*both, strict=True)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plain(group),
                "x": list(x),
                "y": list(y),
                "text": list(names),
                "customdata": list(searched),
            }
            | {"marker": {"size": 9, "opacity": 0.8, "color": colour(number), "symbol": symbol(number)}}
            | {
                "hovertemplate": f"%{{text}}<br>%{{customdata}}<br>{COSTS[cost]} %{{x:,}}<br>{title} %{{y:.4g}}<extra></extra>"
            }
        )
    if not data:
        return None
    wide = [value for trace in data for value in trace["x"] if value > 0]
    scale = "log" if wide and max(wide) > 30 * min(wide) else "linear"
    layout: Figure = {
        "showlegend": len(set(groups.values())) > 1,
        "xaxis": {"title": {"text": COSTS[cost]}, "type": scale},
        "yaxis": {"title": {"text": title}},
    }
    if better == "half":
        line = {"color": "@ink", "width": 1, "dash": "dash"}
        layout["shapes"] = [{"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0.5, "y1": 0.5, "line": line}]
    return {"data": data, "layout": layout}


def fitting(text: str) -> str:
    """A text of at most `_MOST_LETTERS`: what is too long loses its middle, as names often differ at their ends."""
    if len(text) <= _MOST_LETTERS:
        return text
    kept = _MOST_LETTERS - 1
    return text[: (kept + 1) // 2] + "\N{HORIZONTAL ELLIPSIS}" + text[len(text) - kept // 2 :]


def _searched(trial: Trial) -> str:
    """What was searched of a trial, a line a key."""
    texts = ((key, short(value) if isinstance(value, float) else value) for key, value in trial.values.items())
    return "<br>".join(plain(f"{key} = {value}") for key, value in texts)


def short(value: float) -> str:
    """About three digits of a number, thousands and millions by the letters that Plotly's own axes have: 31.5M."""
    unit, letter = next(((unit, letter) for unit, letter in _UNITS if abs(value) >= unit), (1.0, ""))
    shown = value / unit
    return (f"{shown:.0f}" if abs(shown) >= 100 else f"{shown:.3g}") + letter


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
