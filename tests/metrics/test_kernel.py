"""Against sums written out over pairs of samples."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import kernel
from hdray.metrics.kernel import gaussian, kid, mmd2, mmd_g, mmd_p, polynomial, scaled_by_reference


def features(count: int, seed: int, size: int = 6) -> torch.Tensor:
    return torch.randn(count, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def over_pairs(x: list[list[float]], y: list[list[float]], k, unbiased: bool) -> float:
    def within(samples: list[list[float]]) -> float:
        pairs = [k(a, b) for i, a in enumerate(samples) for j, b in enumerate(samples) if i != j or not unbiased]
        return sum(pairs) / len(pairs)

    return within(x) + within(y) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 1000), st.booleans())
def test_equals_the_sums_over_pairs(n: int, m: int, seed: int, unbiased: bool):
    x, y = features(n, seed), features(m, seed + 1)
    estimator = "unbiased" if unbiased else "biased"

    def cubic(a: list[float], b: list[float]) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / 6 + 1) ** 3

    def bell(a: list[float], b: list[float]) -> float:
        return math.exp(-(math.dist(a, b) ** 2) / 12)

    assert mmd2(x, y, polynomial(1 / 6), estimator) == pytest.approx(
        over_pairs(x.tolist(), y.tolist(), cubic, unbiased)
    )
    assert mmd2(x, y, gaussian(1 / 12), estimator) == pytest.approx(over_pairs(x.tolist(), y.tolist(), bell, unbiased))
    if unbiased:
        assert kid(x, y) == pytest.approx(over_pairs(x.tolist(), y.tolist(), cubic, True))


def test_mlora_kernels_are_on_features_scaled_by_the_reference():
    made, real = features(9, 0) * 3 + 1, features(7, 1) * 2 - 1
    mean, deviation = real.numpy().mean(), real.numpy().std()
    x, y = ((some.numpy() - mean) / deviation for some in (made, real))
    for name, gamma in (("mlora", 1 / 12), ("mlora-literal", 1 / 72)):

        def bell(a: list[float], b: list[float], gamma: float = gamma) -> float:
            return math.exp(-gamma * math.dist(a, b) ** 2)

        assert mmd_g(made, real, name) == pytest.approx(over_pairs(x.tolist(), y.tolist(), bell, True))
    scaled = scaled_by_reference(made, real)
    assert mmd_p(made, real) == pytest.approx(kid(*scaled))
    assert mmd_g(2 * made + 5, 2 * real + 5) == pytest.approx(mmd_g(made, real))


def test_printed_mmd_g_is_out_of_reach_of_the_literal_bandwidth():
    """The paper's tables reach 0.82. Even sets ten deviations apart in 256 features: the printed sigma cannot, ours can."""
    real = features(60, 0, 256)
    collapsed = torch.zeros(60, 256, dtype=torch.float64)
    assert mmd_g(collapsed, real, "mlora-literal") < 0.01
    assert mmd_g(collapsed, real, "mlora") > 0.1
    assert mmd_g(collapsed + 3, real, "mlora") > 0.8


def test_estimators_differ_as_they_are_defined_to():
    x, y = features(200, 0), features(200, 1)
    bell = gaussian(1 / 12)
    unbiased = [mmd2(features(20, 2 * seed), features(20, 2 * seed + 1), bell) for seed in range(100)]
    assert min(unbiased) < 0 < max(unbiased)
    assert abs(sum(unbiased) / 100) < 4 * (sum(value**2 for value in unbiased) / 100) ** 0.5 / 10
    assert mmd2(x, x, bell, "biased") == pytest.approx(0, abs=1e-12)
    assert mmd2(x, y, bell, "biased") > 0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    x, y = features(30, 0), features(20, 1)
    whole = mmd_g(x, y), kid(x, y)
    monkeypatch.setattr(kernel, "BLOCK", 70)
    assert (mmd_g(x, y), kid(x, y)) == pytest.approx(whole)


def test_a_sample_with_itself_is_the_diagonal():
    x = features(12, 0) * 3 + 1
    for k in (gaussian(0.3), polynomial(0.2, degree=2, offset=0.5)):
        torch.testing.assert_close(k.own(x), k.across(x, x).diagonal())


def test_what_cannot_be_computed():
    with pytest.raises(ValueError, match="1 and 3 samples"):
        kid(features(1, 0), features(3, 1))
    with pytest.raises(ValueError, match="'mean' is not one of unbiased, biased"):
        mmd2(features(3, 0), features(3, 1), gaussian(1), "mean")
    with pytest.raises(ValueError, match="'wide' is not one of mlora, mlora-literal"):
        mmd_g(features(3, 0), features(3, 1), "wide")
    with pytest.raises(ValueError, match="all one number"):
        mmd_g(features(3, 0), torch.ones(3, 6))
