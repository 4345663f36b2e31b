"""Against an independent reading of the paper's formulas: sets, loops and argmin over named shapes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.distribution import covered, matching_distances, remark, told_apart, with_empties
from tests.metrics.means import metric_means

Matrices = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def random_matrices(generated: int, references: int, seed: int) -> Matrices:
    """Distances between random points of the plane (no ties)."""
    points = torch.rand(generated + references, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    full = (points[:, None] - points).square().sum(dim=2)
    return full[:generated, generated:], full[:generated, :generated], full[generated:, generated:]


def by_the_formulas(matrices: Matrices, empties: int) -> dict[str, float]:
    """Section 6.3 with shapes as ("g" or "r" or "empty", index)."""
    across, own, real = (matrix.tolist() for matrix in matrices)
    solid, references = [("g", i) for i in range(len(across))], [("r", j) for j in range(len(real))]

    def distance(x: tuple[str, int], y: tuple[str, int]) -> float:
        if x[0] == y[0]:
            return (own if x[0] == "g" else real)[x[1]][y[1]]
        return across[x[1]][y[1]] if x[0] == "g" else across[y[1]][x[1]]

    matching = sum(min([distance(x, y) for x in solid], default=math.inf) for y in references) / len(references)
    covered = {min(references, key=lambda y: distance(x, y)) for x in solid}
    right = empties
    for shape in solid + references:
        others = [other for other in solid + references if other != shape]
        if not others or min(others, key=lambda other: distance(shape, other))[0] == shape[0]:
            right += 1
    return {
        "mmd": matching,
        "cov": len(covered) / len(references),
        "nna": right / (len(solid) + empties + len(references)),
    }


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 7), st.integers(1, 7), st.integers(0, 3), st.integers(0, 100_000))
def test_equals_the_formulas(generated: int, references: int, empties: int, seed: int):
    if generated + empties == 0:
        return
    matrices = random_matrices(generated, references, seed)
    assert metric_means(*matrices, empties) == pytest.approx(by_the_formulas(matrices, empties))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 100_000))
def test_order_of_the_shapes_changes_nothing(generated: int, references: int, seed: int):
    across, own, real = random_matrices(generated, references, seed)
    stream = torch.Generator().manual_seed(seed)
    rows, columns = torch.randperm(generated, generator=stream), torch.randperm(references, generator=stream)
    shuffled = across[rows][:, columns], own[rows][:, rows], real[columns][:, columns]
    assert metric_means(*shuffled) == pytest.approx(metric_means(across, own, real))


def test_copies_of_the_references():
    _, _, real = random_matrices(0, 6, 0)
    # Each copy ties with its original at distance 0: not told apart, so 1-NNA is 0, far from the ideal 0.5.
    assert metric_means(real, real, real) == {"mmd": 0.0, "cov": 1.0, "nna": 0.0}


def test_a_copy_on_either_side_makes_a_wrong_call():
    """Two equal references, each with a copy among the generated: as near to its own kind as to the other, both ways."""
    alike = torch.zeros(2, 2)
    assert metric_means(alike, alike, alike)["nna"] == 0.0


def test_two_separate_clusters_are_told_apart():
    near, far = torch.full((4, 4), 0.1), torch.full((4, 4), 5.0)
    assert metric_means(far, near, near)["nna"] == 1.0


def test_worked_by_hand():
    across = torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 9.0]])
    assert matching_distances(across).tolist() == [1, 4]
    assert covered(across).tolist() == [True, False]
    own = torch.tensor([[0.0, 0.5, 9.0], [0.5, 0.0, 9.0], [9.0, 9.0, 0.0]])
    real = torch.tensor([[0.0, 3.0], [3.0, 0.0]])
    # Generated 0 and 1 have each other, 2 has reference 0; reference 0 has generated 0, reference 1 has reference 0.
    assert told_apart(across, own, real).tolist() == [True, True, False, False, True]


def test_ties_go_to_the_first_reference():
    assert covered(torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 1.0]])).tolist() == [True, True, False]


def test_empties_only():
    _, _, real = random_matrices(0, 3, 0)
    nothing = torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, 0, dtype=torch.float64), real
    assert metric_means(*nothing, empties=2) == {"mmd": math.inf, "cov": 0.0, "nna": 1.0}


def test_empties_never_help():
    matrices = random_matrices(6, 6, 3)
    without, with_two = metric_means(*matrices), metric_means(*matrices, empties=2)
    assert with_two["mmd"] == without["mmd"]
    assert with_two["cov"] == without["cov"]
    assert with_two["nna"] == pytest.approx((without["nna"] * 12 + 2) / 14)


def test_with_empties_leaves_the_rest():
    across, own, _ = random_matrices(3, 2, 0)
    more, within = with_empties(across, own, 1)
    assert torch.equal(more[:3], across)
    assert torch.equal(within[:3, :3], own)
    assert more[3].isinf().all()
    assert within[3].isinf().all()
    assert within[:, 3].isinf().all()


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="0 generated and 2 references"):
        matching_distances(torch.zeros(0, 2))
    with pytest.raises(ValueError, match="2 generated and 0 references"):
        covered(torch.zeros(2, 0))
    with pytest.raises(ValueError, match="NaN"):
        matching_distances(torch.tensor([[math.nan]]))


def test_1nna_is_read_by_its_distance_from_a_half():
    assert remark("nna_cd", 0.31) == "; 0.19 from 0.5, which is best: below it, which points at copies"
    assert remark("nna_emd", 0.75) == "; 0.25 from 0.5, which is best: below it would point at copies"
    assert remark("mmd_cd", 0.31) == ""
