import numpy as np
import pytest

from hdray.signals.animation import Animation
from hdray.signals.mesh import Mesh, join
from hdray.signals.occupancy import sample_mesh_file
from hdray.signals.self_intersection import MOST_PAIRS, expected_pairs, self_intersection
from hdray.signals.settings import OccupancySettings
from tests.signals.animations import anime
from tests.signals.solids import box, sphere
from tests.signals.test_fingerprint import ply


def test_what_is_closed_and_apart_does_not_cut_through_itself() -> None:
    assert self_intersection(sphere(0.5, 3)) == 0
    assert self_intersection(join([box((0, 0, 0), (1, 1, 1)), box((2, 0, 0), (3, 1, 1))])) == 0


def test_the_share_is_of_area() -> None:
    """A small box through one side of a large one: two of the large one's twelve triangles at most, four sides of the small."""
    large, small = box((0, 0, 0), (1, 1, 1)), box((0.9, 0.2, 0.3), (1.1, 0.3, 0.4))
    share = self_intersection(join([large, small]))
    area = 6 + 4 * 0.2 * 0.1 + 2 * 0.01
    # The diagonals of the small one's sides decide how many of its triangles reach the large one: between half and all.
    assert 0.5 / area <= share <= (1 + 0.08) / area


def test_faces_that_share_a_vertex_count_where_they_cross() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.2, 0.2, 1.0], [0.3, 0.3, -1.0]])
    assert self_intersection(Mesh(vertices, np.array([[0, 1, 2], [0, 3, 4]]))) == 1
    assert self_intersection(Mesh(vertices, np.array([[0, 1, 2], [0, 3, 1]]))) == 0


def test_pairs_are_counted_before_they_are_looked_at() -> None:
    corners = np.random.default_rng(0).random((6_000, 3))
    soup = Mesh(corners, np.arange(6_000).reshape(-1, 3))  # 2,000 faces, nearly all boxes overlapping
    assert expected_pairs(soup) == 2_000 * 1_999 / 2 < MOST_PAIRS
    thick = Mesh(np.tile(corners, (5, 1)), np.arange(30_000).reshape(-1, 3))
    # A fraction of all pairs of boxes, found here by drawing pairs.
    stream, boxes = np.random.default_rng(1), thick.corners
    one, other = stream.integers(10_000, size=(2, 200_000))
    meet = (boxes[one].min(1) <= boxes[other].max(1)).all(1) & (boxes[other].min(1) <= boxes[one].max(1)).all(1)
    assert expected_pairs(thick) == pytest.approx(meet.mean() * 10_000**2 / 2, rel=0.1)
    assert np.isnan(self_intersection(thick))


def test_a_fine_mesh_has_no_pairs_to_look_at() -> None:
    assert expected_pairs(sphere(0.5, 5)) < 20_480 * 12


def test_a_sample_holds_the_share_of_its_file() -> None:
    small = OccupancySettings(uniform_points=800, near_points=800, held_out_points=80, surface_points=64)
    crossing = join([box((0, 0, 0), (1, 1, 1)), box((0.5, 0.5, 0.5), (1.5, 1.5, 1.5))])
    ball = ply(sphere(0.5, 2))
    found = [sample_mesh_file(file, ".ply", small, 0, "a", True).self_intersection for file in (ply(crossing), ball)]
    assert found == [pytest.approx(self_intersection(crossing)), 0]
    assert sample_mesh_file(ball, ".ply", small, 0, "a").self_intersection is None, "unless nobody asks"


def test_an_animation_holds_the_mean_over_the_frames_that_are_fitted() -> None:
    apart, crossing = (join([box((0, 0, 0), (1, 1, 1)), box(low, high)]) for low, high in (
        ((2.0, 0.5, 0.5), (3.0, 1.5, 1.5)), ((0.5, 0.5, 0.5), (1.5, 1.5, 1.5)),
    ))  # fmt: skip
    moving = Animation(np.stack([apart.vertices, apart.vertices, crossing.vertices, apart.vertices]), apart.faces)
    settings = OccupancySettings(
        frames=2, uniform_points=800, near_points=800, held_out_points=80, surface_points=64
    )  # the first and the third
    sample = sample_mesh_file(anime(moving), ".anime", settings, 0, "a", True)
    assert sample.self_intersection == pytest.approx(self_intersection(crossing) / 2)
