"""Distances of animations: frame by frame, averaged."""

import pytest
import torch

from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes
from hdray.metrics.temporal import chamfer_distances, chamfer_distances_of_sizes, normalised, steps


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


def test_steps_are_how_far_neighbouring_frames_are_apart() -> None:
    still = clouds(1, 1, 20).expand(1, 3, 20, 3)
    assert steps(still).tolist() == [0.0]
    far = still + torch.tensor([0.0, 100.0, 200.0])[None, :, None, None] * torch.tensor([1.0, 0, 0])
    assert steps(far, squared=False)[0] == pytest.approx(2 * 100, rel=0.02)
