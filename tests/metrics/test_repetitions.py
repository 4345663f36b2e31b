import numpy as np
import pytest
from scipy import stats

from hdray.metrics.repetitions import paired_difference


def test_it_is_the_t_interval_of_scipy():
    stream = np.random.default_rng(0)
    a, b = stream.normal(size=(2, 5))
    found = paired_difference(a, b)
    theirs = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert found.mean == pytest.approx(np.mean(a - b))


@pytest.mark.parametrize("seeds", [3, 5])
def test_nothing_is_called_resolved_one_time_in_twenty(seeds: int):
    stream = np.random.default_rng(1)
    draws = stream.normal(size=(2_000, 2, seeds))
    wrong = sum(paired_difference(a, b).verdict == "resolved" for a, b in draws)
    assert 60 < wrong < 145  # 100 expected, its standard deviation 10


def test_what_is_sure_and_what_is_not():
    assert paired_difference([1.0, 1.1, 0.9], [0.1, 0.0, 0.1]).verdict == "resolved"
    assert paired_difference([0.1, 0.0, 0.1], [1.0, 1.1, 0.9]).high < 0
    assert paired_difference([5.0], [1.0]).verdict == "unresolved"
    with pytest.raises(ValueError, match="2 values cannot be paired with 1"):
        paired_difference([1.0, 2.0], [1.0])
