import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hdray.metrics.proportions import exceeds, proportion


@given(st.integers(1, 400), st.data())
def test_intervals_are_scipys(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    found, theirs = proportion(count, total), binomtest(count, total).proportion_ci(method="wilson")
    assert (found.share, found.count, found.total) == (count / total, count, total)
    assert found.low == pytest.approx(theirs.low, abs=1e-12)
    assert found.high == pytest.approx(theirs.high, abs=1e-12)


def test_differences_are_newcombes() -> None:
    """Table II of Newcombe 1998, method 10: 56/70 - 48/80 is 0.0524 to 0.3339, 9/10 - 3/10 is 0.1705 to 0.8090,
    6/7 - 2/7 is 0.0582 to 0.8062, 5/56 - 0/29 is -0.0381 to 0.1926."""
    for a, b, resolved in (
        ((56, 70), (48, 80), True),
        ((9, 10), (3, 10), True),
        ((6, 7), (2, 7), True),
        ((5, 56), (0, 29), False),
        ((0, 10), (0, 20), False),
    ):
        assert exceeds(proportion(*a), proportion(*b)) == resolved
        assert not exceeds(proportion(*b), proportion(*a))


def test_what_is_no_share() -> None:
    for count, total in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="is no share"):
            proportion(count, total)
