"""Fields over space and time."""

import numpy as np
import pytest
import torch

from hdray.fields.frame import FrozenTime
from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings, VoxelSettings
from hdray.fields.voxels import VoxelField
from hdray.signals.animation import frame_times
from hdray.signals.settings import OccupancySettings


def test_the_published_sizes() -> None:
    assert MLPField(MLPSettings(), dimension=3).layout.size == 36_737
    assert MLPField(MLPSettings(), dimension=4).layout.size == 37_889


def test_a_moment_is_the_field_at_that_time() -> None:
    field = MLPField(MLPSettings(width=8, layers=1), dimension=4)
    theta = torch.randn(2, field.layout.size)
    coords = torch.rand(2, 5, 3)
    whole = field(theta, torch.cat([coords, torch.full((2, 5, 1), 0.25)], dim=-1))
    assert torch.equal(FrozenTime(field, 0.25)(theta, coords), whole)
    assert not torch.equal(FrozenTime(field, -0.25)(theta, coords), whole)


@pytest.mark.parametrize("frames", [2, 5, 16])
def test_a_frame_of_voxels_is_its_own_grid(frames: int) -> None:
    """At the times that signals give the frames, nothing of the neighbouring frames is read."""
    still, moving = VoxelField(VoxelSettings(voxels=4)), VoxelField(VoxelSettings(voxels=4), frames)
    theta = torch.randn(2, moving.layout.size)
    coords = torch.rand(2, 20, 3) - 0.5
    times = frame_times(OccupancySettings(frames=frames))
    assert isinstance(times, np.ndarray) and len(times) == frames
    for time, grid in zip(times, theta.view(2, frames, 64).unbind(1), strict=True):
        read = FrozenTime(moving, float(time))(theta, coords)
        torch.testing.assert_close(read, still(grid, coords), atol=1e-5, rtol=0)
