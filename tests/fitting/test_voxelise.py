"""Voxelising by hand on a few points, and on shapes with known occupancy."""

import math

import pytest
import torch

from hdray.fields.settings import VoxelSettings
from hdray.fields.voxels import VoxelField
from hdray.fitting import voxelise as voxelising
from hdray.fitting.quality import quality
from hdray.fitting.voxelise import LOGIT_BOUND, voxelise
from hdray.signals.points import encode, pack
from tests.fitting.shapes import ball, box, coded

FOUR = VoxelField(VoxelSettings(voxels=4))
"""Centres at -0.375, -0.125, 0.125 and 0.375."""


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
    monkeypatch.setattr(voxelising, "SWEEPS", sweeps)
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
