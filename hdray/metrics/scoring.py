"""Metrics of a selection of shapes under a protocol, out of matrices of distances, with their intervals."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.distribution import covered, matching_distances, remark, told_apart, with_empties
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

    Intervals are bootstraps over the families of what a metric is a mean over, given the two sets; where the protocol
    draws sets itself, the middle 95 % of its draws.
    """
    across, within = with_empties(distances.across, distances.generated, selection.misses)
    if protocol.draws > 1:
        return _over_draws(across, within, distances.reference, name, protocol, seed)
    per_shape = _per_shape(across, within, distances.reference, protocol.scale)
    references = [("reference", family) for family in selection.reference.families]
    generated = [("generated", row) for row in range(len(across))]
    metrics, intervals = {}, {}
    for metric, values in per_shape.items():
        key = f"{metric}_{name}"
        metrics[key] = float(values.mean())
        if not math.isfinite(metrics[key]):
            continue
        families = [*generated, *references] if metric == "nna" else references
        found = asdict(interval(values.numpy(), families, stream_seed=seed))
        intervals[key] = {**{part: found[part] for part in ("low", "high", "families")}, "over": "families of shapes"}
    return metrics, intervals


def metric_line(name: str, value: float | None, interval: Mapping[str, Any] | None) -> str:
    """A metric for people, with the interval that `distance_scores` gives it, if any; a value of None is undefined."""
    if value is None:
        return f"{name}: undefined"
    around = f" ({words})" if (words := interval_words(interval)) else ""
    return f"{name}: {value:.4g}{around}{remark(name, value)}"


def _per_shape(across: Tensor, within: Tensor, real: Tensor, scale: float) -> dict[str, Tensor]:
    """What each metric is the mean of, float64: mmd and cov (R,), nna (G + R,)."""
    return {
        "mmd": matching_distances(across) * scale,
        "cov": covered(across).double(),
        "nna": told_apart(across, within, real).double(),
    }


def _over_draws(
    across: Tensor, within: Tensor, real: Tensor, name: str, protocol: Protocol, seed: int
) -> tuple[dict[str, float], dict[str, Any]]:
    values: dict[str, list[float]] = {}
    for made, reference in draws(len(across), len(real), protocol, seed):
        rows, columns = torch.from_numpy(made), torch.from_numpy(reference)
        part = across[rows][:, columns], within[rows][:, rows], real[columns][:, columns]
        for metric, of_shapes in _per_shape(*part, protocol.scale).items():
            values.setdefault(f"{metric}_{name}", []).append(float(of_shapes.mean()))
    metrics = {key: float(np.mean(of_draws)) for key, of_draws in values.items()}
    intervals = {
        key: {
            **dict(zip(("low", "high"), np.quantile(of_draws, [0.025, 0.975]).tolist(), strict=True)),
            "over": "draws",
        }
        for key, of_draws in values.items()
        if np.isfinite(of_draws).all()
    }
    return metrics, intervals


def feature_scores(
    generated: Tensor,
    reference: Tensor,
    training: Tensor | None,
    accuracy: float | None,
    labels_known: bool,
    protocol: Protocol,
    seed: int,
) -> dict[str, Any]:
    """Measures of features (G, D) against (R, D) under the protocol; means over its draws where it has several.

    With draws, real against real is one draw of references against another.
    """
    context: dict[str, Any] = {"accuracy": accuracy, "labels_known": labels_known, "scaled": protocol.features_scaled}
    if protocol.draws == 1:
        return feature_metrics(generated, reference, training=training, seed=seed, **context)
    drawn = draws(len(generated), len(reference), protocol, seed)
    parts = [
        feature_metrics(generated[made], reference[one], training=reference[other], seed=seed, **context)
        for (made, one), (_, other) in zip(drawn, [*drawn[1:], drawn[0]], strict=True)
    ]
    first = {**parts[0], "frechet_real_sets": "a draw of references and the next, means over the draws"}
    means = {
        key: float(np.mean([part[key] for part in parts]))
        for key, value in first.items()
        if isinstance(value, float) and key != "network_accuracy_on_reference"
    }
    return {**first, **means}
