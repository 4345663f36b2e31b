"""By hand on a few vectors, and what must hold of any."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import weight_structure
from hdray.metrics.weight_structure import (
    agreement,
    barrier,
    basis_similarity,
    midpoints,
    paired_cosines,
    perturbed_start,
)


def vectors(count: int, seed: int, size: int = 7) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


SEEDS = st.integers(0, 10_000)


def test_cosines_by_hand() -> None:
    first, second = torch.tensor([[3.0, 1], [1, 3]]), torch.tensor([[1.0, 1], [3, 3]])
    # As they are: (3, 1).(1, 1) = 4 over sqrt(10) sqrt(2), the same for the second.
    assert paired_cosines(first, second, centred=False).tolist() == pytest.approx([4 / math.sqrt(20)] * 2)
    # The mean of all four is (2, 2), which leaves (1, -1), (-1, 1) and (-1, -1), (1, 1): at right angles.
    assert paired_cosines(first, second, centred=True).tolist() == pytest.approx([0, 0], abs=1e-12)


def test_a_shared_start_alone_makes_vectors_alike_unless_it_is_subtracted() -> None:
    """Unrelated vectors about one start five times as long: raw cosines are near 25 / 26, centred ones near none."""
    start = 5 * vectors(1, 0, 2_000)
    first, second = start + vectors(40, 1, 2_000), start + vectors(40, 2, 2_000)
    assert float(paired_cosines(first, second, centred=False).mean()) == pytest.approx(25 / 26, abs=0.005)
    assert abs(float(paired_cosines(first, second, centred=True).mean())) < 0.02


def test_a_displacement_of_a_whole_set_is_a_difference() -> None:
    """Fits that agree but for a step which all of them share, as long as the vectors: the sets' own means would hide it."""
    first = vectors(50, 0, 500)
    apart = paired_cosines(first, first + 2 * vectors(1, 1, 500), centred=True)
    # The mean lies half-way: v - d and v + d are compared, at right angles where |v| = |d|.
    assert abs(float(apart.mean())) < 0.1
    assert paired_cosines(first, first, centred=True).tolist() == pytest.approx([1.0] * 50)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_unrelated_vectors_lean_away_from_each_other_when_centred(count: int) -> None:
    found = [
        float(paired_cosines(vectors(count, seed, 3_000), vectors(count, seed + 1, 3_000), centred=True).mean())
        for seed in range(0, 40, 2)
    ]
    assert sum(found) / len(found) == pytest.approx(-1 / (2 * count - 1), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 6), st.floats(0.01, 100))
def test_centred_cosines_see_neither_scale_nor_a_common_shift(seed: int, count: int, scale: float) -> None:
    first, second, shift = vectors(count, seed).double(), vectors(count, seed + 1).double(), vectors(1, seed + 2)
    plain = paired_cosines(first, second, centred=True)
    torch.testing.assert_close(paired_cosines(scale * first + shift, scale * second + shift, centred=True), plain)
    torch.testing.assert_close(paired_cosines(second, first, centred=True), plain)
    assert bool((plain.abs() <= 1 + 1e-12).all())


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = vectors(11, 0), vectors(11, 1)
    whole = paired_cosines(first, second, centred=True), agreement(first, second)
    monkeypatch.setattr(weight_structure, "BLOCK", 21)  # three rows of seven
    torch.testing.assert_close(paired_cosines(first, second, centred=True), whole[0])
    blocked = agreement(first, second)
    assert (blocked.same, blocked.different) == pytest.approx((whole[1].same, whole[1].different))


def test_agreement_by_hand() -> None:
    first, second = torch.tensor([[0.0, 0], [10, 0]]), torch.tensor([[0.0, 1], [10, 3]])
    found = agreement(first, second)
    assert found.same == pytest.approx((1 + 3) / 2)
    assert found.different == pytest.approx((math.hypot(10, 3) + math.hypot(10, 1)) / 2)
    assert found.ratio == pytest.approx(4 / (math.sqrt(109) + math.sqrt(101)))
    assert agreement(first, first).ratio == 0
    assert math.isnan(agreement(torch.ones(2, 3), torch.ones(2, 3)).ratio)


def test_agreement_of_unrelated_fits_is_about_one() -> None:
    assert agreement(vectors(100, 0, 300), vectors(100, 1, 300)).ratio == pytest.approx(1, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.01, 100))
def test_agreement_is_the_same_both_ways_and_of_any_scale(seed: int, scale: float) -> None:
    first, second = vectors(5, seed), vectors(5, seed + 1)
    ratio = agreement(first, second).ratio
    assert agreement(second, first).ratio == pytest.approx(ratio, rel=1e-4)
    assert agreement(scale * first, scale * second).ratio == pytest.approx(ratio, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_midpoint_is_as_far_from_both_ends(seed: int) -> None:
    first, second = vectors(4, seed), vectors(4, seed + 1)
    middle = midpoints(first, second)
    torch.testing.assert_close(middle - first, second - middle)
    assert torch.equal(midpoints(first, first), first)


def test_barriers_by_hand() -> None:
    found = barrier(torch.tensor([0.5, 0.2, torch.inf]), torch.tensor([0.1, 0.1, 0.1]), torch.tensor([0.3, 0.3, 0.1]))
    assert found.height.tolist() == pytest.approx([0.5, 0.2, math.inf])
    assert found.excess.tolist() == pytest.approx([0.3, 0.0, math.inf], abs=1e-7)


def test_a_fit_without_a_surface_leaves_no_excess_to_tell() -> None:
    found = barrier(torch.tensor([0.5, torch.inf]), torch.tensor([torch.inf, torch.inf]), torch.tensor([0.3, 0.1]))
    assert found.excess.isnan().all()
    assert found.height.tolist() == [0.5, math.inf]


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_perturbed_start_has_the_variance_of_its_parts(strength: float) -> None:
    first, second = vectors(1, 0, 200_000), vectors(1, 1, 200_000)
    mixed = perturbed_start(first, second, strength)
    assert float(mixed.std()) == pytest.approx(1, abs=0.01)
    # Its correlation with the first start is sqrt(1 - l^2).
    assert float((mixed * first).mean()) == pytest.approx(math.sqrt(1 - strength**2), abs=0.01)
    about_one = perturbed_start(1 + 0.01 * first, 1 + 0.01 * second, strength, mean=1.0)
    torch.testing.assert_close(about_one, 1 + 0.01 * mixed)
    if strength in (0.0, 1.0):
        assert torch.equal(mixed, second if strength else first)


def test_a_perturbed_start_by_hand() -> None:
    assert perturbed_start(torch.tensor([1.0, 0]), torch.tensor([0.0, 1]), 0.6).tolist() == pytest.approx([0.8, 0.6])


def test_basis_similarity_by_hand() -> None:
    weights = torch.tensor([[[1.0, 0], [0, 0]], [[-2, 0], [0, 0]], [[0, 3], [0, 0]], [[1, 1], [0, 0]]])
    half = math.sqrt(0.5)
    expected = [[0, 1, 0, half], [1, 0, 0, half], [0, 0, 0, half], [half, half, half, 0]]
    torch.testing.assert_close(basis_similarity(weights), torch.tensor(expected, dtype=torch.float64))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_basis_similarity_is_symmetric_and_sees_neither_scale_nor_sign(seed: int, bases: int) -> None:
    weights = vectors(bases, seed, 12).view(bases, 3, 4)
    scales = vectors(bases, seed + 1, 1).view(bases, 1, 1) + 3 * torch.ones(bases, 1, 1)
    found = basis_similarity(weights)
    torch.testing.assert_close(found, found.T)
    torch.testing.assert_close(basis_similarity(-scales * weights), found, atol=1e-6, rtol=1e-5)
    assert not found.diagonal().any() and bool(((found >= 0) & (found <= 1 + 1e-12)).all())


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="3 and 2 vectors"):
        paired_cosines(vectors(3, 0), vectors(2, 1), centred=True)
    for function in (agreement, midpoints):
        with pytest.raises(ValueError, match=r"shapes \(3, 7\) and \(3, 5\)"):
            function(vectors(3, 0), vectors(3, 1, 5))
    with pytest.raises(ValueError, match="two instances or more"):
        agreement(vectors(1, 0), vectors(1, 1))
    with pytest.raises(ValueError, match="strength"):
        perturbed_start(vectors(1, 0), vectors(1, 1), 1.5)
    with pytest.raises(ValueError, match=r"all must be one \(N,\)"):
        barrier(torch.zeros(2), torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"\(bases, out, in\)"):
        basis_similarity(torch.zeros(3, 4))
