"""Animations as signals: which frames, where they are placed, and what is inside at each moment."""

from dataclasses import replace

import numpy as np
import pytest

from hdray.signals.animation import chosen_frames, frame_times, place_together, sample_animation
from hdray.signals.occupancy import sample_mesh_file
from hdray.signals.points import decode, unpack
from hdray.signals.rejection import Rejected
from hdray.signals.settings import OccupancySettings
from tests.signals.animations import anime, growing_ball

SETTINGS = OccupancySettings(
    frames=4, uniform_points=800, near_points=800, held_out_points=400, surface_points=100, normalisation="box"
)


def test_frames_are_chosen_from_the_first_on_and_never_the_end() -> None:
    assert chosen_frames(24, 16).tolist() == [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22]
    assert chosen_frames(2, 4).tolist() == [0, 0, 1, 1]


def test_time_lies_evenly_in_the_box_or_counts_frames() -> None:
    assert frame_times(replace(SETTINGS, frames=0)) is None
    inside = frame_times(SETTINGS)
    assert inside is not None
    assert inside.tolist() == [-0.375, -0.125, 0.125, 0.375]
    counted = frame_times(replace(SETTINGS, time="index"))
    assert counted is not None
    assert counted.tolist() == [0, 1, 2, 3]


def test_frames_are_placed_by_one_scale() -> None:
    animation = growing_ball()
    frames = [animation.frame(index) for index in range(5)]
    placed = place_together(frames, "box")
    every = np.concatenate([frame.vertices for frame in placed])
    assert np.ptp(every, axis=0).max() == pytest.approx(1)
    assert (every.max(axis=0) + every.min(axis=0)) == pytest.approx(np.zeros(3), abs=1e-9)
    sizes = [frame.longest_edge for frame in placed]
    assert np.array(sizes) / sizes[0] == pytest.approx([1, 1.2, 1.4, 1.6, 1.8])
    centred = place_together(frames, "mean")
    assert max(np.abs(frame.vertices).max() for frame in centred) == pytest.approx(0.475)
    for frame in centred:
        assert frame.vertices.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


def test_every_frame_is_labelled_as_its_own_ball() -> None:
    animation = growing_ball(subdivisions=4)
    sample = sample_mesh_file(anime(animation), ".anime", SETTINGS, 0, "ball")
    assert sample.points.shape == (4 * 1600, 3)
    assert sample.labels.shape == (4 * 200,)
    assert sample.held_out_near.shape == (4 * 400, 3)
    assert sample.surface.shape == (4 * 100, 3)
    low, high = animation.vertices[:4].reshape(-1, 3).min(axis=0), animation.vertices[:4].reshape(-1, 3).max(axis=0)
    size = (high - low).max()
    points, labels = decode(sample.points).reshape(4, 1600, 3), unpack(sample.labels).reshape(4, 1600)
    for frame in range(4):
        centre = (np.array([0.1 * frame, 0, 0]) - (low + high) / 2) / size
        radius = 0.5 * (1 + 0.2 * frame) / size
        inside = np.linalg.norm(points[frame] - centre, axis=1) < radius
        assert (labels[frame] == inside).mean() > 0.98  # the ball is a polyhedron
        on_surface = np.linalg.norm(decode(sample.surface).reshape(4, 100, 3)[frame] - centre, axis=1)
        assert on_surface == pytest.approx(radius, rel=0.05)


def test_a_frame_that_is_no_solid_is_named() -> None:
    animation = growing_ball()
    animation.vertices[2, :, 1] = 0.0  # flat, at the moment of the third frame
    with pytest.raises(Rejected, match="in frame 3 of 4, "):
        sample_animation(animation, replace(SETTINGS, repair="none"), 0, "ball")


def test_the_sample_depends_on_its_seed_alone() -> None:
    one, other = (sample_mesh_file(anime(growing_ball()), ".anime", SETTINGS, 0, "ball") for _ in range(2))
    assert one.points.tobytes() == other.points.tobytes()
    another = sample_mesh_file(anime(growing_ball()), ".anime", SETTINGS, 0, "another")
    assert one.points.tobytes() != another.points.tobytes()
