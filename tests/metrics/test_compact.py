import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import compact as module
from hdray.metrics.compact import compact


def vectors(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 99))
def test_inner_products_are_kept(count: int, size: int, seed: int):
    theta = 5 + vectors(count, size, seed)
    found = compact(theta)
    assert found.shape == (count, min(count, size))
    torch.testing.assert_close(found @ found.T, theta.double() @ theta.double().T, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("size", [6, 200])
def test_standardised_is_numpys(monkeypatch: pytest.MonkeyPatch, size: int):
    monkeypatch.setattr(module, "BLOCK", 70)  # blocks of seven columns, and a rest
    theta = 0.01 * vectors(10, size) + torch.linspace(-3, 3, size)
    theta[:, 2] = 0.1
    entries = theta.double().numpy()
    live = np.delete(entries, 2, axis=1)
    expected = (live - live.mean(0)) / live.std(0)
    found = compact(theta, standardise=True).numpy()
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-9 * size)


def test_vectors_that_are_all_the_same_have_no_spread():
    assert not compact(torch.full((3, 7), 0.1), standardise=True).any()


def test_what_is_not_finite_is_refused():
    theta = vectors(3, 5)
    theta[1, 2] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        compact(theta)
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        compact(torch.zeros(0, 5))
