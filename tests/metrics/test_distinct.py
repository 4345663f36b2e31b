import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.distinct import kept_count, most_distinct


def test_the_number_that_is_kept_is_the_published_one() -> None:
    assert kept_count(2_034, 1_017) == 1_027  # int(1.01 * 1017), chairs
    assert kept_count(1_000, 1_017) == 1_000
    assert kept_count(20, 3) == 3


def test_copies_go_first() -> None:
    theta = torch.tensor([[0.0, 0], [5, 0], [0, 0], [0, 9], [5, 1]])
    assert most_distinct(theta, 3).tolist() == [1, 3, 4]
    assert most_distinct(theta, 1).tolist() == [3]
    assert most_distinct(theta, 5).tolist() == [0, 1, 2, 3, 4]


def test_what_is_not_finite_is_kept_last() -> None:
    theta = torch.tensor([[0.0], [float("nan")], [0.0], [float("inf")], [4.0]])
    assert most_distinct(theta, 3).tolist() == [0, 2, 4]
    assert most_distinct(theta, 4).tolist() == [0, 1, 2, 4]
    assert most_distinct(theta[:2], 1).tolist() == [0]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 1_000), st.integers(1, 12))
def test_no_sample_left_out_is_farther_from_others_than_one_that_is_kept(count: int, seed: int, kept: int) -> None:
    theta = torch.randint(0, 6, (count, 3), generator=torch.Generator().manual_seed(seed)).float()
    chosen = most_distinct(theta, kept).tolist()
    assert len(chosen) == min(kept, count)
    gaps = [min(float((a - b).norm()) for j, b in enumerate(theta) if j != i) for i, a in enumerate(theta)]
    left = [gap for row, gap in enumerate(gaps) if row not in chosen]
    if left:
        assert max(left) <= min(gaps[row] for row in chosen) + 1e-6
