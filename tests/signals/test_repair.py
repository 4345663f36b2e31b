"""Orientation and closing, on solids whose labels are known without any mesh."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh, join
from hdray.signals.occupancy import MeshOccupancy, occupancy_of
from hdray.signals.repair import repair_mesh
from hdray.signals.settings import OccupancySettings
from tests.signals.solids import box, flipped, in_box, mesh_of, sphere, without

SETTINGS = OccupancySettings()
# A body with wings: three boxes that run through each other, as real files have them.
BOXES = [
    ((-0.1, -0.1, -0.5), (0.1, 0.1, 0.5)),
    ((-0.5, -0.03, -0.1), (0.02, 0.03, 0.15)),
    ((-0.02, -0.03, -0.1), (0.5, 0.03, 0.15)),
]
POINTS = np.random.default_rng(0).uniform(-0.55, 0.55, (6000, 3))


def refined(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    return mesh_of(trimesh.creation.box(bounds=[low, high]).subdivide().subdivide())


def glider() -> Mesh:
    return join([refined(*bounds) for bounds in BOXES])


def in_glider(points: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce([in_box(points, *bounds) for bounds in BOXES])


def labels(mesh: Mesh, points: np.ndarray = POINTS) -> tuple[np.ndarray, list[str]]:
    repaired, repairs = repair_mesh(clean(mesh)[0])
    return MeshOccupancy(repaired, repairs, SETTINGS).query(points), repairs


def agreement(mesh: Mesh, points: np.ndarray = POINTS) -> float:
    return float((labels(mesh, points)[0] == in_glider(points)).mean())


def test_a_good_file_is_left_as_it_is() -> None:
    mesh = clean(glider())[0]
    repaired, repairs = repair_mesh(mesh)
    assert repairs == []
    assert np.array_equal(repaired.faces, mesh.faces)
    assert agreement(glider()) == 1


def test_repair_none_leaves_a_bad_file_as_it_is() -> None:
    signal = occupancy_of(flipped(glider()), OccupancySettings(repair="none"))
    assert signal.repairs == []
    assert not signal.query(POINTS).any()


def test_an_inside_out_file_is_turned() -> None:
    found, repairs = labels(flipped(glider()))
    assert "inside-out parts turned" in repairs
    assert (found == in_glider(POINTS)).mean() == 1


def test_one_inside_out_part_is_turned() -> None:
    parts = [refined(*bounds) for bounds in BOXES]
    assert agreement(join([parts[0], flipped(parts[1]), parts[2]])) == 1


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_faces_flipped_at_random_are_turned_back(seed: int) -> None:
    mesh = glider()
    assert agreement(flipped(mesh, np.random.default_rng(seed).random(len(mesh.faces)) < 0.3)) > 0.999


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_missing_faces_are_put_back(seed: int) -> None:
    mesh = glider()
    assert agreement(without(mesh, np.random.default_rng(seed).random(len(mesh.faces)) < 0.04)) > 0.995


def test_the_order_of_faces_does_not_matter() -> None:
    mesh = flipped(glider(), np.arange(576) % 7 == 0)
    order = np.random.default_rng(1).permutation(len(mesh.faces))
    assert np.array_equal(labels(mesh)[0], labels(Mesh(mesh.vertices, mesh.faces[order]))[0])


@settings(max_examples=6, deadline=None)
@given(st.floats(1e-3, 1e3), st.tuples(*[st.floats(-10, 10)] * 3), st.integers(0, 1000))
def test_moving_scaling_and_turning_a_mesh_turns_its_labels(
    scale: float, shift: tuple[float, float, float], seed: int
) -> None:
    rotation = trimesh.transformations.random_rotation_matrix(np.random.default_rng(seed).random(3))[:3, :3]
    mesh = flipped(glider(), np.arange(576) < 192)

    def moved(points: np.ndarray) -> np.ndarray:
        return scale * (points @ rotation.T + np.array(shift))

    found, _ = labels(Mesh(moved(mesh.vertices), mesh.faces), moved(POINTS))
    assert (found == in_glider(POINTS)).mean() > 0.999


def test_same_mesh_same_bytes() -> None:
    mesh = without(flipped(glider(), np.arange(576) % 5 == 0), np.arange(576) % 41 == 0)
    one, other = (repair_mesh(clean(mesh)[0])[0] for _ in range(2))
    assert one.vertices.tobytes() == other.vertices.tobytes() and one.faces.tobytes() == other.faces.tobytes()


def test_a_box_of_six_loose_quads_is_solid() -> None:
    whole = box((-0.5, -0.3, -0.2), (0.5, 0.3, 0.2))
    # every face pulled out a little along its normal, so that no vertices meet
    loose = Mesh((whole.corners + 1e-3 * whole.cross_products[:, None]).reshape(-1, 3), np.arange(36).reshape(12, 3))
    found, _ = labels(flipped(loose, np.arange(12) % 4 < 2))
    assert (found == in_box(POINTS, (-0.5, -0.3, -0.2), (0.5, 0.3, 0.2))).mean() > 0.99


def test_a_cabin_inside_is_filled() -> None:
    # A hull with an inner skin, joined through an open window: hollow by its faces, solid to a person.
    hull, cabin = (
        refined((-0.5, -0.2, -0.2), (0.5, 0.2, 0.2)),
        flipped(refined((-0.45, -0.15, -0.15), (0.45, 0.15, 0.15))),
    )
    window = np.zeros(len(hull.faces), dtype=bool)
    window[np.argmax(hull.corners.mean(axis=1)[:, 1])] = True
    mesh = join([flipped(without(hull, window)), cabin])
    found, _ = labels(mesh)
    assert (found == in_box(POINTS, (-0.5, -0.2, -0.2), (0.5, 0.2, 0.2))).mean() > 0.998


def test_a_sheet_becomes_a_thin_slab() -> None:
    grid = refined((-0.5, -0.1, -0.3), (0.5, 0.1, 0.3))
    top = grid.corners.mean(axis=1)[:, 1] > 0.0999
    sheet = without(grid, ~top)
    found, repairs = labels(join([sheet, box((-0.05, -0.3, -0.05), (0.05, 0.0, 0.05))]))
    assert "sheets thickened" in repairs
    on_it = POINTS * [0.9, 0, 0.5] + [0, 0.1, 0]
    assert labels(join([sheet, box((-0.05, -0.3, -0.05), (0.05, 0.0, 0.05))]), on_it)[0].all()
    far = np.abs(POINTS[:, 1] - 0.1) > 0.01
    assert (found == in_box(POINTS, (-0.05, -0.3, -0.05), (0.05, 0.0, 0.05)))[far].all()


def test_a_wing_of_two_coincident_sides_becomes_a_thin_slab() -> None:
    square = np.array([[-0.5, 0, -0.2], [0.5, 0, -0.2], [0.5, 0, 0.2], [-0.5, 0, 0.2]])
    # The sides share their rim and are cut along different diagonals, so no face is a duplicate.
    wing = Mesh(square, np.array([[0, 2, 1], [0, 3, 2], [0, 1, 3], [1, 2, 3]]))
    mesh = join([wing, refined((-0.05, -0.05, -0.4), (0.05, 0.05, 0.4))])
    found, repairs = labels(mesh, POINTS * [0.9, 0, 0.35])
    assert "parts without thickness thickened" in repairs
    assert found.all()
    assert not labels(mesh, np.array([[0.3, 0.01, 0], [0.3, -0.01, 0], [0, 0.1, 0]]))[0].any()


@pytest.mark.parametrize("inverted", [False, True])
def test_an_open_tube_is_closed(inverted: bool) -> None:
    tube = mesh_of(trimesh.creation.cylinder(radius=0.1, height=1, sections=24))
    ends = np.abs(tube.cross_products[:, 2]) > 0.5 * np.linalg.norm(tube.cross_products, axis=1)
    found, repairs = labels(flipped(without(tube, ends), np.full((~ends).sum(), inverted)))
    assert "holes closed" in repairs
    inside = (np.hypot(POINTS[:, 0], POINTS[:, 1]) < 0.1) & (np.abs(POINTS[:, 2]) < 0.5)
    assert (found == inside).mean() > 0.998  # the tube has 24 sides


def test_a_hollow_sphere_that_says_so_stays_hollow() -> None:
    mesh = join([sphere(0.5), flipped(sphere(0.3))])
    found, repairs = labels(mesh, np.array([[0, 0, 0], [0.4, 0, 0], [0.6, 0, 0.0]]))
    assert repairs == []
    assert found.tolist() == [False, True, False]
