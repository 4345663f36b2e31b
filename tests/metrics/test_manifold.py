import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.manifold import density_coverage


def points(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def measured(reference: torch.Tensor, generated: torch.Tensor, k: int) -> dict[str, float]:
    return density_coverage(torch.cdist(reference, generated), torch.cdist(reference, reference), k)


def by_the_definition(reference: list[list[float]], generated: list[list[float]], k: int) -> dict[str, float]:
    balls = [
        sorted(math.dist(x, other) for number, other in enumerate(reference) if number != place)[k - 1]
        for place, x in enumerate(reference)
    ]
    inside = [[math.dist(x, y) < radius for y in generated] for x, radius in zip(reference, balls, strict=True)]
    return {
        "density": sum(map(sum, inside)) / (k * len(generated)),
        "coverage": sum(map(any, inside)) / len(reference),
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 1000))
def test_equals_the_definition(references: int, generated: int, k: int, seed: int):
    k = min(k, references - 1)
    real, made = points(references, seed), points(generated, seed + 1)
    assert measured(real, made, k) == pytest.approx(by_the_definition(real.tolist(), made.tolist(), k))


def test_of_a_set_with_itself_and_of_two_samples_of_one_distribution():
    real = points(300, 0)
    assert measured(real, real, 5) == {"density": 1.0, "coverage": 1.0}
    other = measured(real, points(300, 1), 5)
    assert other["density"] == pytest.approx(1, abs=0.15)
    assert other["coverage"] == pytest.approx(1 - 2**-5, abs=0.04)


def test_collapse_is_dense_and_covers_little_and_outliers_are_neither():
    real = points(200, 0)
    collapsed = measured(real, real[:1] * 0.0, 5)
    assert collapsed["density"] > 1
    assert collapsed["coverage"] < 0.1
    assert measured(real, points(200, 1) + 100, 5) == {"density": 0.0, "coverage": 0.0}


def test_empty_shapes_are_in_no_ball():
    real, made = points(20, 0), points(10, 1)
    across = torch.cdist(real, made)
    with_empties = torch.cat([across, torch.full((20, 10), torch.inf)], dim=1)
    own = torch.cdist(real, real)
    without, more = density_coverage(across, own, 3), density_coverage(with_empties, own, 3)
    assert more["coverage"] == without["coverage"]
    assert more["density"] == pytest.approx(without["density"] / 2)


def test_what_cannot_be_measured():
    for references, generated, k in ((5, 3, 5), (5, 3, 0), (5, 0, 2)):
        with pytest.raises(ValueError, match=f"k = {k} needs"):
            measured(points(references, 0), points(generated, 1), k)
    with pytest.raises(ValueError, match=r"\(4, 3\) and \(5, 5\)"):
        density_coverage(torch.zeros(4, 3), torch.zeros(5, 5), 2)
