"""The charts of a page about weight spaces, as hdray.report.charts makes those of a run."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hdray.report.charts import Figure, numbers, plain
from hdray.report.colours import colour, symbol, translucent
from hdray.report.weight_spaces import BasisSimilarity, Perturbation, Projection

MOST_POINTS = 3_000  # of a projection
MOST_BASES = 256  # of a heat map: about 300 kB


def projection_chart(projection: Projection, order: Sequence[str]) -> Figure:
    """Points in the plane coloured by category; every chart gives the categories in `order` the same colours."""
    shown = thinned(len(projection.points))
    points = np.asarray(projection.points, np.float64)[shown]
    labels = np.array(projection.categories, dtype=object)[shown]
    data = []
    for number, category in enumerate(order):
        own = points[labels == category]
        if not len(own):
            continue
        name = plain(category)
        marker = {"size": 6, "opacity": 0.75, "color": colour(number), "symbol": symbol(number)}
        data.append(
            {"type": "scatter", "mode": "markers", "name": name, "x": numbers(own[:, 0]), "y": numbers(own[:, 1])}
            | {"marker": marker, "hovertemplate": f"{name}<extra></extra>"}
        )
    hidden = {"visible": False}  # distances in the picture have no unit
    return {"data": data, "layout": {"xaxis": hidden, "yaxis": hidden | {"scaleanchor": "x"}}}


def thinned(count: int) -> npt.NDArray[np.int64]:
    """Indices of at most `MOST_POINTS` of so many points, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.int64))


def confusion_chart(categories: Sequence[str], confusion: npt.NDArray[np.integer]) -> Figure:
    """Of each true category (a row) the share in per cent that was taken for each category; counts under the pointer."""
    counts = np.asarray(confusion, np.float64)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [plain(category) for category in categories]
    trace = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": [numbers(row) for row in shares],
        "text": [[f"{share:.0f}" if share >= 0.5 else "" for share in row] for row in shares],
        "texttemplate": "%{text}",
        "customdata": [[int(count) for count in row] for row in confusion],
        "hovertemplate": "%{y} taken for %{x}: %{customdata} times, %{z:.1f} %<extra></extra>",
        "zmin": 0,
        "zmax": 100,
        "showscale": False,
        "colorscale": [[0, "@card"], [1, "@generated"]],
    }
    # A type, since names that look like numbers or dates would become such.
    axis = {"type": "category", "showgrid": False}
    return {
        "data": [trace],
        "layout": {
            "xaxis": axis | {"title": {"text": "taken for"}},
            "yaxis": axis | {"autorange": "reversed"},
        },
    }


def perturbation_chart(curves: Mapping[str, tuple[int, Perturbation]], quantity: str) -> Figure:
    """Mean of `quantity` (similarity, centred, barrier or excess) against strength, a line a representation, one standard deviation
    shaded.

    `curves` by the representations' names, with the number that gives each its colour on all charts.
    """
    data: list[Figure] = []
    for name, (number, curve) in curves.items():
        mean, deviation = moments(getattr(curve, quantity))
        known = np.isfinite(mean)
        x, mean, deviation = np.asarray(curve.strengths, np.float64)[known], mean[known], deviation[known]
        common = {"type": "scatter", "name": plain(name), "legendgroup": str(number)}
        band = {
            "x": numbers(np.append(x, x[::-1])),
            "y": numbers(np.append(mean + deviation, (mean - deviation)[::-1])),
        }
        filled = {"mode": "lines", "fill": "toself", "fillcolor": translucent(colour(number), 0.18)}
        line = {"mode": "lines+markers", "x": numbers(x), "y": numbers(mean), "customdata": numbers(deviation)}
        looks: Figure = {"color": colour(number), "width": 2.5}
        data += [
            common | band | filled | {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False},
            common
            | line
            | {"line": looks, "marker": {"size": 7, "color": colour(number), "symbol": symbol(number)}}
            | {"hovertemplate": f"{plain(name)} at %{{x}}: %{{y:.4g}} ± %{{customdata:.2g}}<extra></extra>"},
        ]
    title = "cosine similarity" if quantity in ("similarity", "centred") else "Chamfer distance"
    return {
        "data": data,
        "layout": {"xaxis": {"title": {"text": "perturbation strength λ"}}, "yaxis": {"title": {"text": title}}},
    }


def moments(values: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation (L,) of the known values in each row (L, n); NaN for none, deviation 0 for a single one."""
    entries = np.asarray(values, np.float64)
    entries = np.where(np.isfinite(entries), entries, np.nan)
    known = np.isfinite(entries).sum(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without a known value, which are NaN as they should be
        mean = np.nanmean(entries, axis=1)
    squares = np.nansum((entries - mean[:, None]) ** 2, axis=1)
    return mean, np.sqrt(squares / np.maximum(known - 1, 1))


def basis_chart(basis: BasisSimilarity) -> Figure:
    """The similarities of a layer's first `MOST_BASES` basis networks as a square of colours."""
    shown = np.asarray(basis.similarity, np.float64)[:MOST_BASES, :MOST_BASES]
    trace = {
        "type": "heatmap",
        "z": [[_hundredths(value) for value in row] for row in shown],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "@card"], [1, "@training"]],
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "hovertemplate": "bases %{x} and %{y}: %{z}<extra></extra>",
    }
    axis: dict[str, Any] = {"showgrid": False, "title": {"text": "basis"}, "constrain": "domain"}
    return {
        "data": [trace],
        "layout": {"xaxis": axis, "yaxis": axis | {"autorange": "reversed", "scaleanchor": "x"}},
    }


def _hundredths(value: float) -> float | None:
    return round(float(value), 2) if math.isfinite(value) else None
