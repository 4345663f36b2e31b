"""What a run's vectors know of the categories of their shapes, as metrics of its evaluation (mLoRA paper, Table 4)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from hdray.metrics.classify import Repeated, separation
from hdray.metrics.names import OF_CATEGORIES
from hdray.pipeline.instances import Fitted

MOST_VECTORS = 2_048
"""Vectors that are told apart: with 2,816 entries each that takes 23 s of a core."""
FEWEST = 5
"""Vectors of a category: a fifth of them, for testing, is one."""


@dataclass(frozen=True)
class Told:
    """How well categories are told apart."""

    metrics: Mapping[str, float]
    """By the names that metrics.json has for them; NaN where there are no two categories."""
    measured: Mapping[str, Any] = field(default_factory=dict)
    """Of what, how it varies, and what is reached without looking at more than a vector's scale; empty likewise."""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Labelled:
    """The vectors that are told apart."""

    theta: torch.Tensor
    """(N, D)."""
    categories: Sequence[str]
    """Of each."""
    left_out: Sequence[str]
    """What is not among them, in words."""

    @property
    def different(self) -> bool:
        """Whether there are two categories."""
        return len(set(self.categories)) > 1


def labelled_vectors(fitted: Sequence[Fitted], categories: Mapping[str, str | None]) -> Labelled:
    """Vectors of fitted shapes whose category is known, given that of each id.

    Shapes without a category (empty, or None) are left out, and so are categories of too few. Of more shapes than are told
    apart the first in order of their ids, which are hashes.
    """
    rows = sorted((one, part, row) for part, some in enumerate(fitted) for row, one in enumerate(some.ids))
    labelled = [(categories[one], part, row) for one, part, row in rows if categories.get(one)]
    counts = Counter(category for category, _, _ in labelled[:MOST_VECTORS])
    few = sorted({str(category) for category, _, _ in labelled if counts[category] < FEWEST})
    chosen = [each for each in labelled[:MOST_VECTORS] if counts[each[0]] >= FEWEST]
    names = [str(category) for category, _, _ in chosen]
    theta = np.array([fitted[part].theta[row] for _, part, row in chosen], np.float32).reshape(
        len(chosen), fitted[0].theta.shape[1]
    )
    left_out: list[str] = []
    if len({category for category, _, _ in labelled}) < 2:  # of shapes of one category, or none, nothing is asked
        return Labelled(torch.from_numpy(theta), names, left_out)
    if len(labelled) < len(rows):
        left_out.append(f"{len(rows) - len(labelled)} shapes without a category")
    if few:
        left_out.append(f"categories of fewer than {FEWEST} of the shapes looked at ({', '.join(few)})")
    if (beyond := len(labelled) - MOST_VECTORS) > 0:
        left_out.append(f"{beyond} shapes beyond the first {MOST_VECTORS:,}")
    return Labelled(torch.from_numpy(theta), names, left_out)


def categories_told(fitted: Sequence[Fitted], categories: Mapping[str, str | None], seed: int) -> Told:
    """Means over ten runs of what hdray.metrics.classify measures of those vectors."""
    some = labelled_vectors(fitted, categories)
    warnings = [f"left out where categories are told apart: {'; '.join(some.left_out)}"] if some.left_out else []
    if not some.different:
        return Told(dict.fromkeys(OF_CATEGORIES, float("nan")), warnings=warnings)
    found = separation(some.theta, some.categories, seed=seed)
    ways = {"ari": found.clustering, "nearest": found.nearest, "logistic": found.logistic}
    measured = {
        "vectors": found.vectors,
        "of each": dict(Counter(some.categories)),
        **{name: _spread(one) for name, one in ways.items()},
        "logistic on five statistics of entries": _spread(found.pooled),
        "most frequent category": _spread(found.majority),
    }
    return Told({f"categories_{name}": one.mean for name, one in ways.items()}, measured, warnings)


def _spread(found: Repeated) -> dict[str, float]:
    return {"mean": found.mean, "deviation": found.deviation}
