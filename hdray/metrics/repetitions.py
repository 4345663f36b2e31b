"""Whether two methods differ, from a few repetitions of both: Student's t on the differences paired by seed.

A bootstrap over three seeds cannot reach below the smallest of three differences, so that it calls one comparison in four
resolved where there is nothing; the t interval keeps its 95 % from two repetitions on, at the price of its width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Mean of a minus b with its 95 % interval; `verdict` is resolved where that excludes zero, otherwise unresolved."""

    mean: float
    low: float
    high: float
    verdict: str


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """The difference of a and b (N,), a value each per repetition, in the same order, as if they were normal.

    Of a single repetition the interval is not known (infinite). Raises ValueError for none, or unequal numbers.
    """
    from scipy.stats import t

    if len(a) != len(b) or not len(a):
        raise ValueError(f"{len(a)} values cannot be paired with {len(b)}")
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    mean, count = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1)) / count**0.5 if count > 1 else float("inf")
    half = float(t.ppf((1 + LEVEL) / 2, max(count - 1, 1))) * error
    low, high = mean - half, mean + half
    return Difference(mean, low, high, "resolved" if low > 0 or high < 0 else "unresolved")
