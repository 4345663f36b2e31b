"""Which split a shape belongs to: a stable hash of its group, so that more data never moves a shape; or folds.

Shapes of one group (one family of aircraft, say) always land in one split; without families a shape is its own group.
"""

from collections.abc import Mapping, Sequence

from hdray.seeds import seed_of

SPLITS = ("train", "validation", "test")


def split_of(group: str, seed: int, fractions: Sequence[float]) -> str:
    """The split of `group`: "train", "validation" or "test".

    `fractions` are the three expected shares, in that order; they add up to 1. ValueError otherwise.
    """
    if len(fractions) != len(SPLITS) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"split fractions {tuple(fractions)} must be three numbers of at least 0 that add up to 1")
    position = seed_of(seed, group, "split") / 2**63  # uniform in [0, 1)
    if position < fractions[0]:
        return SPLITS[0]
    return SPLITS[1] if position < fractions[0] + fractions[1] or fractions[2] == 0 else SPLITS[2]


def deal(sizes: Mapping[str, int], folds: int, seed: int) -> dict[str, int]:
    """The fold, from 0 on, of each group, given how many shapes it has: folds of nearly equal numbers of shapes.

    Largest groups first, of equals in the order of a stable hash, each to the fold that has fewest shapes so far. Every
    fold gets a group where there are as many groups as folds.
    """
    filled = [0] * folds
    dealt = {}
    for group in sorted(sizes, key=lambda name: (-sizes[name], seed_of(seed, name, "fold"))):
        dealt[group] = filled.index(min(filled))
        filled[dealt[group]] += sizes[group]
    return dealt
