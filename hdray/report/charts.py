"""The page's charts as Plotly figures: plain dictionaries of data and layout.

Colours are names such as "@generated"; `page/page.js` puts in the values of the light or the dark theme. Nothing is
validated on the way to Plotly, so the keys used are few and long-standing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hdray.report.data import LossCurve, NearestDistances

Figure = dict[str, Any]

_MOST_POINTS = 3_000  # of a loss curve on the page
_SMOOTHED_SHARE = 0.01  # of the curve: the time constant of the moving average


def loss_chart(curve: LossCurve) -> Figure:
    """Loss against step on a logarithmic axis, raw and smoothed. Values a logarithm cannot show are left out."""
    shown = np.isfinite(curve.loss) & (curve.loss > 0)
    steps, loss = np.asarray(curve.steps)[shown], np.asarray(curve.loss, np.float64)[shown]
    smooth = smoothed(loss)
    thin = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_POINTS)).round().astype(int))
    return {
        "data": [
            _line("each logged step", steps[thin], loss[thin], color="@faint", width=1),
            _line("smoothed", steps[thin], smooth[thin], color="@generated", width=2.5),
        ],
        "layout": {
            "xaxis": {"title": {"text": "optimiser step"}},
            "yaxis": {"title": {"text": "loss"}, "type": "log", "dtick": _log_ticks(loss)},
        },
    }


def smoothed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Exponential moving average (N,), started without bias towards the first value."""
    keep = 1 - 1 / max(len(values) * _SMOOTHED_SHARE, 1)
    total, weight = 0.0, 0.0
    result = np.empty_like(values)
    for index, value in enumerate(values):
        total, weight = keep * total + value, keep * weight + 1
        result[index] = total / weight
    return result


def fit_chart(uniform: npt.NDArray[np.float64], near: npt.NDArray[np.float64], gate: float | None) -> Figure:
    """Histograms of the fits' IoU on held-out points, with the gate's threshold as a line."""
    lowest = min([*uniform, *near, 0.9 if gate is None else gate, 0.9])
    edges = np.linspace(np.floor(lowest * 20) / 20, 1, 51)
    middle, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    data = [
        _bars("near the surface", middle, np.histogram(near, edges)[0], width, "@generated"),
        _bars("uniform in the box", middle, np.histogram(uniform, edges)[0], width, "@training"),
    ]
    layout: Figure = {
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {"title": {"text": "IoU on held-out points"}, "range": [float(edges[0] - width), 1 + float(width)]},
        "yaxis": {"title": {"text": "shapes"}, "rangemode": "tozero"},
    }
    if gate is not None:
        layout["shapes"] = [
            {"type": "line", "x0": gate, "x1": gate, "y0": 0, "y1": 1, "yref": "paper", "line": _dashed()}
        ]
        layout["annotations"] = [
            {"x": gate, "y": 1, "yref": "paper", "text": f" gate {gate:g}", "showarrow": False, "xanchor": "left"}
        ]
    return {"data": data, "layout": layout}


def audit_chart(distances: NearestDistances) -> Figure:
    """One row of dots and a box each for generated, held-out and noised shapes."""
    axis = "distance in weights" if distances.space == "weights" else "Chamfer distance"
    everything = np.concatenate([distances.generated, distances.held_out, distances.noise])
    rows = [
        ("training + noise", distances.noise, "@faint"),
        ("held out", distances.held_out, "@training"),
        ("generated", distances.generated, "@generated"),
    ]
    data = []
    for name, values, color in rows:
        keep = np.isfinite(values) & (values > 0)
        row = {
            "type": "box",
            "orientation": "h",
            "name": name,
            "x": numbers(np.asarray(values)[keep]),
            "y": [name] * int(keep.sum()),
            "boxpoints": "all",
            "jitter": 0.7,
            "pointpos": 0,
            "hoveron": "points",
            "marker": {"color": color, "size": 5, "opacity": 0.6},
            "line": {"color": "@ink", "width": 1},
            "fillcolor": "rgba(0,0,0,0)",
            "hovertemplate": "%{x:.4g}<extra>" + name + "</extra>",
        }
        data.append(row)
    return {
        "data": data,
        "layout": {
            "showlegend": False,
            "xaxis": {"title": {"text": axis}, "type": "log", "dtick": _log_ticks(everything)},
            "yaxis": {"automargin": True},
        },
    }


def numbers(values: npt.NDArray[Any]) -> list[float]:
    """Plain numbers of five significant digits: what a picture can show."""
    return [float(f"{value:.5g}") for value in values]


def plain(text: object) -> str:
    """A name as Plotly shows it letter by letter: it takes <b> and the like for markup, and names come from users."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(name: str, x: npt.NDArray[Any], y: npt.NDArray[Any], color: str, width: float) -> Figure:
    line = {"color": color, "width": width}
    return {"type": "scatter", "mode": "lines", "name": name, "x": numbers(x), "y": numbers(y), "line": line}


def _bars(name: str, x: npt.NDArray[Any], y: npt.NDArray[Any], width: float, color: str) -> Figure:
    bars = {"type": "bar", "name": name, "x": numbers(x), "y": numbers(y), "width": float(width), "opacity": 0.65}
    return bars | {"marker": {"color": color}, "hovertemplate": f"%{{y}} shapes at %{{x:.3f}}<extra>{name}</extra>"}


def _dashed() -> Figure:
    return {"color": "@ink", "width": 1.5, "dash": "dash"}


def _log_ticks(values: npt.NDArray[Any]) -> int | str:
    """Plotly's tick step on a logarithmic axis: powers of ten, or 1, 2, 5 where that would leave few."""
    shown = values[np.isfinite(values) & (values > 0)]
    return 1 if len(shown) and shown.max() > 300 * shown.min() else "D2"
