import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import intervals
from hdray.metrics.intervals import interval


def test_independent_values_have_the_interval_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = interval(values, range(400))
    half = 1.96 * values.std() / 20
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert (found.families, found.seeds) == (400, 1)


def test_copies_of_a_file_in_a_family_do_not_make_it_surer():
    values = np.random.default_rng(0).normal(size=40)
    once, copied = interval(values, range(40)), interval(np.repeat(values, 10), np.repeat(range(40), 10).tolist())
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.02)
    as_files = interval(np.repeat(values, 10), range(400))
    assert as_files.high - as_files.low < 0.5 * (once.high - once.low)


def test_an_interval_that_misses_the_truth_one_time_in_twenty():
    """Families of several sizes that share an offset: 95 % of the intervals hold the mean that they were drawn around."""
    stream = np.random.default_rng(1)
    sizes, hits = stream.integers(1, 6, 50), 0
    families = np.repeat(range(50), sizes).tolist()
    for _ in range(200):
        values = np.repeat(stream.normal(size=50), sizes) + 0.3 * stream.normal(size=len(families))
        found = interval(values, families)
        hits += found.low <= 0 <= found.high
    assert 0.88 * 200 <= hits <= 0.99 * 200


def test_seeds_widen_it():
    stream = np.random.default_rng(2)
    offsets = {seed: stream.normal() for seed in range(4)}
    rows = [(family, seed) for family in range(30) for seed in range(4)]
    values = [offsets[seed] + 0.1 * stream.normal() for _, seed in rows]
    families, seeds = (list(column) for column in zip(*rows, strict=True))
    without, with_seeds = interval(values, families), interval(values, families, seeds)
    assert with_seeds.seeds == 4
    assert with_seeds.high - with_seeds.low > 5 * (without.high - without.low)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.integers(0, 1000))
def test_order_of_values_does_not_move_the_mean_out_and_scaling_scales(values: list[float], seed: int):
    found = interval(values, range(len(values)), stream_seed=seed)
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert interval(values, range(len(values)), stream_seed=seed) == found
    double = interval([2 * value for value in values], range(len(values)), stream_seed=seed)
    assert double.low == pytest.approx(2 * found.low, abs=1e-9)


def test_blocks_change_little(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(0).normal(size=50)
    whole = interval(values, range(50))
    monkeypatch.setattr(intervals, "BLOCK", 200)
    assert interval(values, range(50)).low == pytest.approx(whole.low)


def test_one_family_has_no_interval():
    found = interval([1.0, 2.0], ["a", "a"])
    assert found.mean == 1.5
    assert math.isnan(found.low) and math.isnan(found.high)
    assert (found.families, found.seeds) == (1, 1)


def test_what_has_no_interval():
    for values in ([], [1.0, math.nan]):
        with pytest.raises(ValueError, match="finite"):
            interval(values, range(len(values)))
    with pytest.raises(ValueError, match="3 values need"):
        interval([1.0, 2, 3], [1, 2])
