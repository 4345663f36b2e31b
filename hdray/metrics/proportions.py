"""How sure a share is that was counted: Wilson's interval, and whether two shares really differ.

Wilson's interval (1927) holds for few shapes and for a count of none, where a bootstrap has nothing to draw; Newcombe's
(Statistics in Medicine 17, 1998, method 10) is that of a difference of two shares, made of their Wilson intervals.
"""

from dataclasses import dataclass
from math import hypot, sqrt

Z = 1.959963984540054
"""Of the normal distribution: 95 % lie within this many standard deviations."""


@dataclass(frozen=True)
class Proportion:
    """`count` of `total`, as a share with its 95 % Wilson interval."""

    count: int
    total: int
    share: float
    low: float
    high: float


def proportion(count: int, total: int) -> Proportion:
    """The share of `count` in `total`. Raises ValueError unless 0 <= count <= total and total > 0."""
    if not 0 <= count <= total or not total:
        raise ValueError(f"{count} of {total} is no share")
    share = count / total
    centre = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2)) / (1 + Z**2 / total)
    # Exactly 0 and 1 at the ends, which rounding would miss.
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == total else centre + half
    return Proportion(count, total, share, low, high)


def exceeds(a: Proportion, b: Proportion) -> bool:
    """Whether the share a is resolved above b: the 95 % interval of a - b (Newcombe's) lies above zero."""
    return a.share - b.share > hypot(a.share - a.low, b.high - b.share)
