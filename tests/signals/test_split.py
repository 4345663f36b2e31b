"""The split by stable hash."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.signals.split import deal, split_of

FRACTIONS = (0.8, 0.05, 0.15)


def test_shares_are_near_the_fractions() -> None:
    counts = Counter(split_of(f"shape-{number}", 0, FRACTIONS) for number in range(20_000))
    for name, fraction in zip(("train", "validation", "test"), FRACTIONS, strict=True):
        assert abs(counts[name] / 20_000 - fraction) < 0.01


def test_a_group_keeps_its_split_whatever_else_there_is() -> None:
    groups = [f"family-{number}" for number in range(200)]
    first = [split_of(group, 0, FRACTIONS) for group in groups]
    assert first == [split_of(group, 0, FRACTIONS) for group in reversed(groups)][::-1]
    assert first != [split_of(group, 1, FRACTIONS) for group in groups]


def test_a_share_of_nought_gets_nothing() -> None:
    assert {split_of(str(number), 0, (1.0, 0.0, 0.0)) for number in range(500)} == {"train"}
    assert "validation" not in {split_of(str(number), 0, (0.5, 0.0, 0.5)) for number in range(500)}


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_wrong_fractions_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        split_of("a", 0, fractions)


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 20), min_size=2),
    st.integers(2, 8),
    st.integers(0, 5),
)
def test_folds_are_as_equal_as_the_largest_group_lets_them(sizes: dict[str, int], folds: int, seed: int) -> None:
    dealt = deal(sizes, folds, seed)
    assert dealt == deal(dict(reversed(sizes.items())), folds, seed)
    filled = [sum(size for group, size in sizes.items() if dealt[group] == fold) for fold in range(folds)]
    assert sum(filled) == sum(sizes.values())
    assert max(filled) - min(filled) <= max(sizes.values())
    assert len(set(dealt.values())) == min(folds, len(sizes))


def test_equal_groups_are_dealt_by_the_seed() -> None:
    sizes = dict.fromkeys("abcdefghij", 2)
    assert len({tuple(sorted(deal(sizes, 5, seed).items())) for seed in range(5)}) > 1
