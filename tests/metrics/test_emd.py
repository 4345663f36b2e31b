import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.emd import emd, emd_matrix


def random_clouds(count: int, points: int, seed: int) -> torch.Tensor:
    return torch.rand(count, points, 3, generator=torch.Generator().manual_seed(seed))


def cheapest_of_all_matchings(a: torch.Tensor, b: torch.Tensor, power: int) -> float:
    """By trying every permutation."""
    x, y = a.tolist(), b.tolist()
    cost = [[math.dist(p, q) ** power for q in y] for p in x]
    return min(sum(cost[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(len(y)))) / len(x)


@settings(max_examples=40, deadline=None)
@given(points=st.integers(1, 6), seed=st.integers(0, 10_000), squared=st.booleans())
def test_is_the_cheapest_of_all_matchings(points: int, seed: int, squared: bool):
    a, b = random_clouds(1, points, seed)[0], random_clouds(1, points, seed + 1)[0]
    expected = cheapest_of_all_matchings(a, b, 2 if squared else 1)
    assert emd(a, b, squared=squared) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(points=st.integers(1, 30), seed=st.integers(0, 10_000), shift=st.floats(-3, 3))
def test_shuffling_changes_nothing_and_a_shift_costs_its_length(points: int, seed: int, shift: float):
    a = random_clouds(1, points, seed)[0].double()
    shuffled = a[torch.randperm(points, generator=torch.Generator().manual_seed(seed))]
    assert emd(a, shuffled) == 0
    # By the triangle inequality no matching is cheaper than moving every point by the difference of the centres.
    assert emd(a, shuffled + torch.tensor([0.0, shift, 0.0], dtype=torch.float64)) == pytest.approx(
        abs(shift), abs=1e-9
    )


def test_matrix_is_of_the_pairs():
    a, b = random_clouds(3, 20, 0), random_clouds(4, 20, 1)
    expected = torch.tensor([[emd(x, y) for y in b] for x in a])
    torch.testing.assert_close(emd_matrix(a, b), expected)
    own = emd_matrix(a)
    assert torch.equal(own, own.T)
    assert torch.equal(own.diagonal(), torch.zeros(3))
    torch.testing.assert_close(own, emd_matrix(a, a))


def test_clouds_that_cannot_be_matched():
    with pytest.raises(ValueError, match="as many points"):
        emd(random_clouds(1, 4, 0)[0], random_clouds(1, 5, 0)[0])
    with pytest.raises(ValueError, match="as many points"):
        emd_matrix(random_clouds(2, 4, 0), random_clouds(2, 5, 0))
    with pytest.raises(ValueError, match="as many points"):
        emd(torch.zeros(0, 3), torch.zeros(0, 3))
    with pytest.raises(ValueError):
        emd(torch.full((2, 3), math.nan), torch.zeros(2, 3))
