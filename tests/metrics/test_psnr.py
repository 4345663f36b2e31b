import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.psnr import psnr


def test_by_hand() -> None:
    targets = torch.tensor([[[0.0], [1.0]], [[0.0], [1.0]], [[0.0], [1.0]]])
    predicted = torch.tensor([[[0.1], [0.9]], [[1.0], [0.0]], [[0.0], [1.0]]])
    # Mean squared errors 0.01, 1 and 0.
    assert psnr(predicted, targets).tolist() == pytest.approx([20.0, 0.0, math.inf], abs=1e-5)
    assert psnr(255 * predicted, 255 * targets, peak=255).tolist() == pytest.approx([20.0, 0.0, math.inf], abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.01, 100))
def test_one_scale_of_values_and_peak_changes_nothing_and_twice_the_error_costs_six_decibels(
    seed: int, scale: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64)
    error = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    plain = psnr(targets + error, targets)
    torch.testing.assert_close(psnr(scale * (targets + error), scale * targets, peak=scale), plain)
    torch.testing.assert_close(psnr(targets + 2 * error, targets), plain - 20 * math.log10(2))


def test_what_cannot_be_computed() -> None:
    for predicted, targets in ((torch.zeros(2, 3, 1), torch.zeros(2, 4, 1)), (torch.zeros(2, 3), torch.zeros(2, 3))):
        with pytest.raises(ValueError, match=r"both must be one \(K, P, c\)"):
            psnr(predicted, targets)
    with pytest.raises(ValueError, match="peak of 0"):
        psnr(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), peak=0)
