"""How sure a mean is: bootstrap intervals over families and seeds.

Files of one family (one aircraft type in three collections) and values of one seed are not independent, so whole families
and whole seeds are drawn, never single files. With both, each is drawn by itself and a value counts as often as its
family times as often as its seed was drawn (the pigeonhole bootstrap; Owen 2007), which is slightly cautious.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdray.seeds import numpy_stream

DRAWS = 2_000
LEVEL = 0.95
BLOCK = 2**22
"""Weights (draws x values) held at a time."""


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % bootstrap interval; low and high are NaN where there is nothing to draw from."""

    mean: float
    low: float
    high: float
    families: int
    seeds: int
    """How many different ones were drawn from; 1 of a kind means that this kind is not part of the interval."""


def interval(
    values: Sequence[float] | np.ndarray,
    families: Sequence[Hashable],
    seeds: Sequence[Hashable] | None = None,
    *,
    stream_seed: int = 0,
) -> Interval:
    """The interval of the mean of values (N,), each with its family and, where there are several runs, its seed.

    Raises ValueError for no values, values that are not finite, or labels of another number.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError("an interval needs values, all of them finite")
    kinds = [np.unique(_codes(labels), return_inverse=True)[1] for labels in (families, seeds) if labels is not None]
    if any(len(kind) != len(numbers) for kind in kinds):
        raise ValueError(f"{len(numbers)} values need as many families and seeds")
    counts = [int(kind.max()) + 1 for kind in kinds]
    mean, families_count, seeds_count = float(numbers.mean()), counts[0], (counts[1] if len(counts) > 1 else 1)
    drawn = [(kind, count) for kind, count in zip(kinds, counts, strict=True) if count > 1]
    if not drawn:
        return Interval(mean, float("nan"), float("nan"), families_count, seeds_count)
    stream = numpy_stream(stream_seed, "bootstrap")
    means = []
    rows = max(1, BLOCK // len(numbers))
    for start in range(0, DRAWS, rows):
        draws = min(rows, DRAWS - start)
        weights = np.ones((draws, len(numbers)))
        for kind, count in drawn:
            weights *= stream.multinomial(count, np.full(count, 1 / count), size=draws)[:, kind]
        totals = weights.sum(axis=1)
        # Where families and seeds are not crossed completely a draw may meet none of the values; it says nothing.
        met = totals > 0
        means.append((weights[met] @ numbers) / totals[met])
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high), families_count, seeds_count)


def interval_words(interval: Mapping[str, Any] | None) -> str:
    """An interval of a result, {"low", "high", "interval_of"}, with what it is of; nothing where there is none.

    It is not how another sample of the generator would do. Of a single family it is NaN, in JSON null.
    """
    if interval is None or interval["low"] is None or np.isnan(interval["low"]):
        return ""
    return f"{interval['low']:.4g} to {interval['high']:.4g}, {interval['interval_of']}"


def _codes(labels: Sequence[Hashable]) -> np.ndarray:
    """A number per label, in order of first appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], np.int64)
