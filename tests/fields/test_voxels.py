"""The voxel field against torch's own trilinear reading, and against functions that linear reading gives back exactly."""

from itertools import product

import pytest
import torch
from torch.nn.functional import grid_sample

from hdray.fields.settings import VoxelSettings
from hdray.fields.voxels import VoxelField


def draw(*shape: int) -> torch.Tensor:
    """Uniform in [-0.6, 0.6]: the box and a little beyond it."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 1.2 - 0.6


def grids(field: VoxelField, count: int) -> torch.Tensor:
    return torch.randn(count, field.layout.size, generator=torch.Generator().manual_seed(1))


def torch_reads(theta: torch.Tensor, coords: torch.Tensor, edge: int) -> torch.Tensor:
    """Logits (K, P) of grids (K, R^3), z varying fastest, by grid_sample, which wants the fastest axis first."""
    places = 2 * coords.flip(-1)[:, :, None, None]
    grid = theta.view(-1, 1, edge, edge, edge)
    return grid_sample(grid, places, "bilinear", "border", align_corners=False)[:, 0, :, 0, 0]


def test_reading_is_torch_s_trilinear_reading() -> None:
    field = VoxelField(VoxelSettings(voxels=5))
    theta, coords = grids(field, 3), draw(3, 200, 3)
    assert field(theta, coords).shape == (3, 200, 1)
    torch.testing.assert_close(field(theta, coords)[..., 0], torch_reads(theta, coords, 5), atol=1e-5, rtol=0)


def test_between_frames_logits_are_linear_in_time() -> None:
    """Four frames, at -0.375, -0.125, 0.125 and 0.375."""
    field = VoxelField(VoxelSettings(voxels=3), frames=4)
    assert field.layout.size == 4 * 27
    theta, coords = grids(field, 2), draw(2, 50, 3)
    frames = [torch_reads(frame, coords, 3) for frame in theta.view(2, 4, 27).unbind(1)]
    for time, expected in ((-0.5, frames[0]), (-0.125, frames[1]), (0.0625, 0.25 * frames[1] + 0.75 * frames[2])):
        moments = torch.full((2, 50, 1), time)
        torch.testing.assert_close(field(theta, torch.cat([coords, moments], -1))[..., 0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("frames", [0, 6])
def test_linear_functions_come_back(frames: int) -> None:
    """Between the outermost centres; and the axes are where the layout says."""
    field = VoxelField(VoxelSettings(voxels=4), frames)
    slopes = torch.tensor([1.0, -2.0, 5.0, 3.0])[: field.dimension]
    assert field.layout.pieces[0].axes == (("t", "x", "y", "z") if frames else ("x", "y", "z"))
    order = (3, 0, 1, 2) if frames else (0, 1, 2)
    centres = [[(index + 0.5) / size - 0.5 for index in range(size)] for size in field.layout.pieces[0].shape]
    theta = torch.tensor(
        [
            sum(float(slopes[axis]) * place for axis, place in zip(order, centre, strict=True))
            for centre in product(*centres)
        ]
    )
    coords = draw(1, 100, field.dimension) * 0.6  # within 0.36
    torch.testing.assert_close(field(theta[None], coords)[..., 0], coords @ slopes, atol=1e-5, rtol=0)


def test_gradients_are_the_weights_and_the_slopes() -> None:
    field = VoxelField(VoxelSettings(voxels=4))
    theta = torch.linspace(-0.375, 0.375, 4).repeat(16)[None].requires_grad_()  # the z coordinate itself
    coords = (draw(1, 10, 3) * 0.6).requires_grad_()
    field(theta, coords).sum().backward()
    assert theta.grad is not None and coords.grad is not None
    assert float(theta.grad.sum()) == pytest.approx(10, abs=1e-5) and float(theta.grad.min()) >= 0
    assert int((theta.grad > 0).sum()) > 8
    torch.testing.assert_close(coords.grad, torch.tensor([0.0, 0.0, 1.0]).expand(1, 10, 3), atol=1e-4, rtol=0)


def test_it_starts_undecided() -> None:
    field = VoxelField(VoxelSettings())
    theta = field.initialise(torch.Generator())
    assert field.layout.size == len(theta) == 24**3
    assert not field(theta[None], draw(1, 10, 3)).any()


def test_wrong_shapes_are_named() -> None:
    field = VoxelField(VoxelSettings(voxels=2))
    with pytest.raises(ValueError, match=r"needs \(K, 8\)"):
        field(torch.zeros(1, 5), torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match=r"needs \(1, P, 3\)"):
        field(torch.zeros(1, 8), torch.zeros(1, 2, 4))
    with pytest.raises(ValueError, match="two frames or more"):
        VoxelField(VoxelSettings(), frames=1)
    with pytest.raises(ValueError, match=r"voxels = 1.*between 2 and 256"):
        VoxelSettings(voxels=1)
