"""Distances of animations: frame by frame, averaged."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes
from hdray.metrics.temporal import (
    chamfer_distances,
    chamfer_distances_of_sizes,
    distances_of_partners,
    normalised,
    steps,
)


def clouds(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, 3, generator=torch.Generator().manual_seed(sum(shape)))


def test_the_distance_is_the_mean_over_frames() -> None:
    a, b = clouds(3, 4, 20), clouds(2, 4, 30)
    brute = torch.zeros(3, 2, dtype=torch.float64)
    for row in range(3):
        for column in range(2):
            for frame in range(4):
                d2 = torch.cdist(a[row, frame].double(), b[column, frame].double()) ** 2
                brute[row, column] += (d2.amin(dim=1).mean() + d2.amin(dim=0).mean()) / 4
    torch.testing.assert_close(chamfer_distances(a, b).double(), brute, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(chamfer_distances(a), chamfer_distances(a, a), rtol=1e-5, atol=1e-7)


def test_still_shapes_are_compared_as_ever() -> None:
    assert torch.equal(chamfer_distances(clouds(3, 20), clouds(2, 30)), chamfer_matrix(clouds(3, 20), clouds(2, 30)))


def test_other_numbers_of_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="4 frames cannot be compared with animations of 5"):
        chamfer_distances(clouds(3, 4, 20), clouds(2, 5, 20))


def test_animations_of_other_numbers_of_points() -> None:
    a, b = [*clouds(2, 4, 20), *clouds(1, 4, 9)], [*clouds(2, 4, 30)]
    found = chamfer_distances_of_sizes(a, b)
    torch.testing.assert_close(found[:2], chamfer_distances(torch.stack(a[:2]), torch.stack(b)))
    torch.testing.assert_close(found[2:], chamfer_distances(a[2][None], torch.stack(b)))
    torch.testing.assert_close(chamfer_distances_of_sizes(a), chamfer_distances_of_sizes(a, a), rtol=1e-5, atol=1e-7)
    still = [cloud[0] for cloud in a]
    assert torch.equal(chamfer_distances_of_sizes(still), chamfer_matrix_of_sizes(still))
    assert chamfer_distances_of_sizes([], b).shape == (0, 2)
    with pytest.raises(ValueError, match="shapes of 0 and 4 frames cannot be compared"):
        chamfer_distances_of_sizes(a, still)


def test_by_extent_what_walks_stays_in_place() -> None:
    """The published code: each frame minus its own mean, one factor for all, here by numpy, a frame at a time."""
    walking = clouds(2, 4, 20) + torch.arange(4.0)[:, None, None]
    for animation, found in zip(walking.numpy(), normalised(walking, "extent").numpy(), strict=True):
        centred = [frame - frame.mean(axis=0) for frame in animation]
        reach = max(abs(frame).max() for frame in centred)
        for frame, result in zip(centred, found, strict=True):
            assert result == pytest.approx(frame * 0.95 / reach, abs=1e-5)


def test_frames_keep_their_places_to_each_other() -> None:
    moved = normalised(clouds(2, 4, 20) * 3 + 7, "box")
    original = clouds(2, 4, 20)
    assert moved.flatten(1, 2).amax(dim=1).amax() == pytest.approx(0.5)
    between = lambda c: c[:, 1].mean(dim=1) - c[:, 0].mean(dim=1)  # noqa: E731
    size = (original.flatten(1, 2).amax(dim=1) - original.flatten(1, 2).amin(dim=1)).amax(dim=1, keepdim=True)
    torch.testing.assert_close(between(moved), between(original) / size, rtol=1e-4, atol=1e-5)


def test_partners_are_the_diagonal_of_all_distances() -> None:
    for a, b in ((clouds(3, 20), clouds(3, 30)), (clouds(3, 4, 20), clouds(3, 4, 30))):
        for squared in (True, False):
            found = distances_of_partners(a, b, squared=squared)
            torch.testing.assert_close(found, chamfer_distances(a, b, squared=squared).diagonal())
    assert distances_of_partners(clouds(0, 20), clouds(0, 30)).shape == (0,)


def sampled(frames: int, points: int, seed: int, move: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    """A square of which every frame is sampled anew, moved by `move` along its normal from frame to frame: (1, T, P, 3)."""
    places = torch.rand(1, frames, points, 3, generator=torch.Generator().manual_seed(seed))
    places[..., 2] = move * torch.arange(frames)[:, None]
    return scale * places


def test_a_step_is_what_halves_of_neighbours_are_apart_beyond_halves_of_a_frame() -> None:
    animations = clouds(2, 4, 20)
    for squared in (True, False):
        for animation, found in zip(animations.double(), steps(animations, squared=squared), strict=True):

            def apart(x: torch.Tensor, y: torch.Tensor, power: int = 2 if squared else 1) -> float:
                nearest = torch.cdist(x, y) ** power
                return float(nearest.amin(dim=1).mean() + nearest.amin(dim=0).mean())

            each = []
            for now, after in itertools.pairwise(animation):
                moved = apart(now[::2], after[1::2]) + apart(after[::2], now[1::2])
                each.append((moved - apart(now[::2], now[1::2]) - apart(after[::2], after[1::2])) / 2)
            assert float(found) == pytest.approx(np.mean(each), rel=1e-5, abs=1e-7)


def test_what_stands_still_has_no_step_however_it_is_sampled() -> None:
    frozen = clouds(2, 1, 51).expand(2, 5, 51, 3)
    assert steps(frozen).abs().max() < 1e-7, "the same points in every frame"
    still, walking = (sampled(16, 1_000, 0, move) for move in (0.0, 0.015))
    floor = chamfer_distances(still[:, 0], still[:, 1])
    assert floor > 2 * 0.015**2, "more than walking adds: distances of frames as they are would show little else"
    assert steps(still).abs() < 0.03 * floor
    assert steps(walking) == pytest.approx(2 * 0.015**2, rel=0.05), "the squared way, seen from both frames"


@given(seed=st.integers(0, 99), scale=st.floats(0.1, 10), squared=st.booleans())
@settings(max_examples=15, deadline=None)
def test_steps_scale_and_do_not_mind_the_direction_of_time(seed: int, scale: float, squared: bool) -> None:
    moving = sampled(4, 40, seed, move=0.3)
    found = float(steps(moving, squared=squared))
    assert found > 0
    assert float(steps(moving.flip(1), squared=squared)) == pytest.approx(found, rel=1e-5)
    assert float(steps(scale * moving, squared=squared)) == pytest.approx(
        found * scale ** (2 if squared else 1), rel=1e-4
    )


def test_larger_moves_are_larger_steps_and_animations_are_apart() -> None:
    batch = torch.cat([sampled(4, 200, 1, move) for move in (0.0, 0.05, 0.1, 0.2)])
    found = steps(batch)
    assert found.diff().min() > 0
    assert torch.equal(found[2:3], steps(batch[2:3])), "others do not matter"
    assert steps(batch[:0]).shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1, 20), (1, 3, 1)])
def test_nothing_to_compare_has_no_step(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="show no step: two of either are needed"):
        steps(clouds(*shape))
