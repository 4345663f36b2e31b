"""Metrics of a selection of shapes under a protocol, out of matrices of distances, with their intervals."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.distribution import per_shape, remark, with_empties
from hdray.metrics.features import feature_metrics
from hdray.metrics.intervals import interval, interval_words
from hdray.metrics.protocols import Protocol
from hdray.metrics.selection import Selection, draws


@dataclass(frozen=True)
class Distances:
    """Of generated from reference shapes (G, R) and within each set (G, G), (R, R); without the misses."""

    across: Tensor
    generated: Tensor
    reference: Tensor


def distance_scores(
    distances: Distances, name: str, selection: Selection, protocol: Protocol, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics {mmd_<name>, cov_<name>, nna_<name>} and the interval of each.

    An interval says what it is of (`interval_of`). MMD and COV are means over references, so their bootstrap draws
    families of references again and keeps the generated shapes: it does not say how another sample of the generator would
    do. That of 1-NNA draws both, and keeps every shape's neighbour. Where the protocol draws sets itself it is no interval
    of the mean over draws but the spread of single ones, their middle 95 %.
    """
    across, within = with_empties(distances.across, distances.generated, selection.misses)
    if protocol.draws > 1:
        return _over_draws(across, within, distances.reference, name, protocol, seed)
    references = [("reference", family) for family in selection.reference.families]
    generated = [("generated", row) for row in range(len(across))]
    metrics, intervals = {}, {}
    for metric, values in per_shape(across, within, distances.reference, protocol.scale).items():
        key = f"{metric}_{name}"
        metrics[key] = float(values.mean())
        if not math.isfinite(metrics[key]):
            continue
        both = metric == "nna"
        found = asdict(interval(values.numpy(), [*generated, *references] if both else references, stream_seed=seed))
        intervals[key] = {
            **{part: found[part] for part in ("low", "high", "families")},
            "over": "generated shapes and families of references" if both else "families of references",
            "interval_of": "the mean, given each shape's neighbour" if both else "the mean, given the generated shapes",
        }
    return metrics, intervals


def metric_line(name: str, value: float | None, interval: Mapping[str, Any] | None) -> str:
    """A metric for people, with the interval that `distance_scores` gives it, if any; a value of None is undefined."""
    if value is None:
        return f"{name}: undefined"
    around = f" ({words})" if (words := interval_words(interval)) else ""
    return f"{name}: {value:.4g}{around}{remark(name, value)}"


def _over_draws(
    across: Tensor, within: Tensor, real: Tensor, name: str, protocol: Protocol, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    values: dict[str, list[float]] = {}
    for made, reference in draws(len(across), len(real), protocol, seed):
        rows, columns = torch.from_numpy(made), torch.from_numpy(reference)
        part = across[rows][:, columns], within[rows][:, rows], real[columns][:, columns]
        for metric, of_shapes in per_shape(*part, scale=protocol.scale).items():
            values.setdefault(f"{metric}_{name}", []).append(float(of_shapes.mean()))
    metrics = {key: float(np.mean(of_draws)) for key, of_draws in values.items()}
    intervals = {
        key: {
            **dict(zip(("low", "high"), np.quantile(of_draws, [0.025, 0.975]).tolist(), strict=True)),
            "over": "draws",
            "interval_of": "single draws, not their mean",
        }
        for key, of_draws in values.items()
        if np.isfinite(of_draws).all()
    }
    return metrics, intervals


def feature_scores(
    generated: Tensor, reference: Tensor, training: Tensor | None, accuracy: float, protocol: Protocol, seed: int
) -> dict[str, Any]:
    """`feature_metrics` of features (G, D) against (R, D) under the protocol; means over its draws where it has several."""
    context: dict[str, Any] = {"accuracy": accuracy, "scaled": protocol.features_scaled, "seed": seed}
    if protocol.draws == 1:
        return feature_metrics(generated, reference, training=training, **context)

    def drawn(one: Tensor, other: Tensor) -> list[tuple[Tensor, Tensor]]:
        rows = draws(len(one), len(other), protocol, seed)
        return [(one[torch.from_numpy(left)], other[torch.from_numpy(right)]) for left, right in rows]

    return feature_metrics(generated, reference, training=training, subsets=drawn, **context)
