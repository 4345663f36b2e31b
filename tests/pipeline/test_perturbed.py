"""What lies between two fits: here between balls, whose averages are balls."""

import pytest
import torch
from torch import Tensor

from hdray.pipeline.perturbed import barriers
from tests.pipeline.balls import POINTS, ball, config

NOTHING = -1000.0


def sphere(radius: float) -> Tensor:
    """Points (P, 3) on it."""
    drawn = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(0))
    return radius * drawn / drawn.norm(dim=1, keepdim=True)


def test_a_barrier_is_measured_at_the_middle_and_above_the_ends() -> None:
    """Surfaces r and s apart from each other are 2 (r - s)^2 from each other, but for how points lie on them."""
    first = torch.stack([ball(0.2), ball(0.3), ball(0.3)])
    second = torch.stack([ball(0.4), ball(0.3), torch.full_like(ball(), NOTHING)])
    own = {"far": sphere(0.3), "same": sphere(0.3), "empty": sphere(0.3)}
    (found,) = barriers(first, [second], own, config())
    noise = float(found.height[1])  # of points on one sphere
    assert 0 < noise < 0.002
    assert found.height.tolist() == [pytest.approx(noise, rel=0.2), noise, torch.inf] and found.empty == 1
    assert float(found.excess[0]) == pytest.approx(noise - 2 * 0.1**2, abs=0.002)
    assert float(found.excess[1]) == pytest.approx(0, abs=1e-4) and bool(found.excess[2].isnan())
