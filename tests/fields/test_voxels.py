"""The voxel field against torch's own trilinear reading, and against functions that linear reading gives back exactly.

Grids of labelled points by hand on a few of them, and on shapes with known occupancy.
"""

import math
from itertools import product

import pytest
import torch
from torch.nn.functional import grid_sample

from hdray.fields import voxels
from hdray.fields.field import ComputedField, DescentField
from hdray.fields.settings import VoxelSettings
from hdray.fields.voxels import LOGIT_BOUND, VoxelField
from hdray.fitting.quality import quality
from hdray.signals.points import decode, encode, pack, unpack
from tests.fitting.shapes import ball, box, coded


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


FOUR = VoxelField(VoxelSettings(voxels=4))
"""Centres at -0.375, -0.125, 0.125 and 0.375."""


def voxelise(field: VoxelField, points: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Logits (K, D) of coded points (K, N, 3) and packed labels (K, N/8)."""
    return field.compute(decode(points), unpack(labels))


def voxelised(points: list[tuple[float, float, float]], inside: list[bool], field: VoxelField = FOUR) -> torch.Tensor:
    """Probabilities (R, R, R) from some points, the last repeated to a multiple of 8."""
    missing = -len(points) % 8
    codes = encode(torch.tensor(points + points[-1:] * missing, dtype=torch.float64))
    logits = voxelise(field, codes[None], pack(torch.tensor([inside + inside[-1:] * missing])))
    return torch.sigmoid(logits[0]).view(field.shape)


def test_a_voxel_has_the_mean_of_the_labels_at_its_centre() -> None:
    """Two inside and six outside: a quarter, everywhere, because nothing else is known. Codes are 2e-5 apart."""
    centre = (0.125, -0.375, 0.375)
    probability = voxelised([centre, centre, centre], [True, True, False])
    torch.testing.assert_close(probability, torch.full((4, 4, 4), 0.25), atol=0.01, rtol=0)


@pytest.mark.parametrize(("sweeps", "expected"), [(1, 1 / 4.5), (2, 1 / 4.5 + (7 / 9 - 3.5 / 9) / 4.5)])
def test_a_point_shares_its_label_as_it_would_be_read(
    monkeypatch: pytest.MonkeyPatch, sweeps: int, expected: float
) -> None:
    """Half way between two centres in x: half to either. One inside at the first centre makes that 1 of 1 + 7 / 2.

    Read back, 7/9 of that one is missing, and a ninth too much at the 7 between.
    """
    monkeypatch.setattr(voxels, "SWEEPS", sweeps)
    first, between = (-0.375, 0.125, 0.125), (-0.25, 0.125, 0.125)
    probability = voxelised([first, between], [True, False])
    assert float(probability[0, 2, 2]) == pytest.approx(expected, abs=1e-3)
    assert float(probability[1, 2, 2]) == pytest.approx(1 / (1 + math.exp(LOGIT_BOUND)), abs=1e-3)


def test_voxels_without_points_take_their_neighbours_layer_by_layer() -> None:
    left, right = (-0.375, -0.375, -0.375), (0.375, 0.375, 0.375)
    probability = voxelised([left, right], [True, False])
    most, least = (1 / (1 + math.exp(-sign * LOGIT_BOUND)) for sign in (1, -1))
    assert float(probability[0, 0, 0]) == pytest.approx(most) and float(probability[3, 3, 3]) == pytest.approx(least)
    assert float(probability[1, 1, 0]) == pytest.approx(most) and float(probability[2, 3, 2]) == pytest.approx(least)
    assert bool((probability[:2, :2, :2] > 0.9).all()) and bool((probability[2:, 2:, 2:] < 0.1).all())
    assert 0.1 < float(probability[0, 2, 2]) < 0.9


def test_points_beyond_the_box_count_for_none() -> None:
    inner, beyond = (0.375, 0.0, 0.0), (0.51, 0.0, 0.0)
    torch.testing.assert_close(voxelised([inner, beyond], [True, False]), voxelised([inner], [True]))
    torch.testing.assert_close(voxelised([beyond], [True]), torch.full((4, 4, 4), 1 / (1 + math.exp(LOGIT_BOUND))))


def test_neighbours_and_order_change_no_bit() -> None:
    field = VoxelField(VoxelSettings(voxels=8))
    points, labels = coded([ball(0.4), box(0.5, 0.3, 0.9), ball(0.2)], 1_024)
    together = voxelise(field, points, labels)
    assert torch.equal(together[1:2], voxelise(field, points[1:2], labels[1:2]))
    order = torch.arange(1_024).view(-1, 8).flip(0).flatten()  # whole bytes of labels change places
    shuffled = points.view(torch.int16)[:, order].view(torch.uint16)
    assert not torch.equal(shuffled, points)
    assert torch.equal(together, voxelise(field, shuffled, labels.flip(1)))


def test_shapes_are_found_again() -> None:
    """A ball of radius 0.4 has IoU 0.27 with its box; a bar two voxels thick is what 24^3 still sees."""
    field = VoxelField(VoxelSettings())
    shapes = [ball(0.4), box(0.9, 2 / 24, 2 / 24)]
    theta = voxelise(field, *coded(shapes, 65_536))
    assert theta.shape == (2, 24**3) and float(theta.abs().max()) <= LOGIT_BOUND
    found = quality(field, theta, *coded(shapes, 16_384, "held out"))
    assert float(found.iou[0]) > 0.97
    assert float(found.iou[1]) > 0.75


def test_frames_are_voxelised_apart() -> None:
    """A ball that shrinks; the first frame is the grid of the first ball alone, exactly."""
    still, moving = VoxelField(VoxelSettings(voxels=8)), VoxelField(VoxelSettings(voxels=8), frames=2)
    points, labels = coded([ball(0.45), ball(0.2)], 4_096)
    both = voxelise(moving, points.view(1, -1, 3), labels.view(1, -1))
    assert both.shape == (1, 2 * 512)
    assert torch.equal(both.view(2, -1), voxelise(still, points, labels))
    assert float((both[0, :512] > 0).sum()) > 4 * float((both[0, 512:] > 0).sum()) > 0


def test_animations_do_not_mix() -> None:
    """Two of three frames each: every frame is at its place, in its row."""
    field = VoxelField(VoxelSettings(voxels=8), frames=3)
    points, labels = coded([ball(0.2 + 0.04 * frame) for frame in range(6)], 4_096)
    theta = voxelise(field, points.view(2, -1, 3), labels.view(2, -1))
    sizes = (theta.view(6, -1) > 0).sum(dim=1)
    assert bool((sizes.diff() > 0).all())
    times = torch.tensor([-1 / 3, 0.0, 1 / 3])
    found = quality(field, theta, points.view(2, -1, 3), labels.view(2, -1), times=times)
    assert float(found.iou.min()) > 0.8
    assert float(quality(field, theta, points.view(2, -1, 3), labels.view(2, -1), times=-times).iou.max()) < 0.8


def test_points_that_frames_cannot_share_are_refused() -> None:
    points, labels = coded([ball(0.4)], 64)
    with pytest.raises(ValueError, match="64 points cannot be divided among 3 frames"):
        voxelise(VoxelField(VoxelSettings(voxels=4), frames=3), points, labels)


def test_a_grid_is_computed_and_not_descended_to() -> None:
    assert isinstance(FOUR, ComputedField) and not isinstance(FOUR, DescentField)
