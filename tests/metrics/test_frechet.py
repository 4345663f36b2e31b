"""Against scipy's matrix square root and against closed forms; nothing of the implementation is used twice."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.frechet import frechet, frechet_of_gaussians, moments


def covariance(size: int, rank: int, seed: int) -> torch.Tensor:
    factor = torch.randn(size, rank, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return factor @ factor.T


def by_scipy(mean_a: np.ndarray, a: np.ndarray, mean_b: np.ndarray, b: np.ndarray) -> float:
    from scipy.linalg import sqrtm

    return float(np.sum((mean_a - mean_b) ** 2) + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


@pytest.mark.parametrize("size", [1, 3, 20])
def test_equals_the_matrix_square_root(size: int):
    a, b = covariance(size, size + 2, 0), covariance(size, size + 2, 1)
    mean_a, mean_b = torch.randn(2, size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = by_scipy(mean_a.numpy(), a.numpy(), mean_b.numpy(), b.numpy())
    assert frechet_of_gaussians(mean_a, a, mean_b, b) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=8), st.integers(0, 1000))
def test_closed_form_of_commuting_covariances(variances: list[tuple[float, float]], seed: int):
    """Covariances with the same axes: the sum of the squared differences of the standard deviations, zeros included."""
    size = len(variances)
    axes = torch.linalg.qr(
        torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    ).Q
    a, b = (axes @ torch.diag(torch.tensor(v, dtype=torch.float64)) @ axes.T for v in zip(*variances, strict=True))
    mean = torch.zeros(size, dtype=torch.float64)
    expected = sum((x**0.5 - y**0.5) ** 2 for x, y in variances)
    assert frechet_of_gaussians(mean, a, mean + 2, b) == pytest.approx(expected + 4 * size, rel=1e-6, abs=1e-6)


def test_rank_deficient_covariances():
    """Fewer samples than features. Gaussians on two orthogonal lines share nothing: only the traces remain."""
    x, y = torch.zeros(3, 5, dtype=torch.float64), torch.zeros(4, 5, dtype=torch.float64)
    x[:, 0], y[:, 1] = torch.tensor([-1.0, 0, 1]), torch.tensor([-2.0, 2, -2, 2])
    assert frechet(x, y) == pytest.approx(1 + 16 / 3)
    few = torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    assert frechet(few, few) == pytest.approx(0, abs=1e-9)
    assert frechet(few, few + 3) == pytest.approx(9 * 40)


def test_moments_are_numpys():
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    mean, cov = moments(features)
    np.testing.assert_allclose(mean, features.double().numpy().mean(axis=0))
    np.testing.assert_allclose(cov, np.cov(features.double().numpy(), rowvar=False))
    with pytest.raises(ValueError, match="two samples"):
        moments(features[:1])
