"""The signal: labels of known solids, determinism, and what is rejected."""

import dataclasses

import numpy as np
import pytest
import trimesh

from hdray.signals.mesh import Mesh, join
from hdray.signals.occupancy import MeshOccupancy, ShapeSample, occupancy_of, sample_mesh_file
from hdray.signals.points import decode, unpack
from hdray.signals.rejection import Rejected
from hdray.signals.settings import OccupancySettings
from tests.signals.solids import box, in_box, sphere

SETTINGS = OccupancySettings(uniform_points=8000, near_points=8000, held_out_points=4000, surface_points=512)
LOW, HIGH = (-0.5, -0.25, -0.125), (0.5, 0.25, 0.125)


def file_of(mesh: Mesh) -> bytes:
    return bytes(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(file_type="ply"))


@pytest.fixture(scope="module")
def brick() -> ShapeSample:
    return sample_mesh_file(file_of(box((1, 1, 1), (9, 5, 3))), ".ply", SETTINGS, 0, "brick")


def test_labels_are_those_of_the_rounded_points(brick: ShapeSample) -> None:
    for codes, packed in (
        (brick.points, brick.labels),
        (brick.held_out_uniform, brick.held_out_uniform_labels),
        (brick.held_out_near, brick.held_out_near_labels),
    ):
        points = decode(codes).astype(np.float64)
        # the winding number is exact but where a point lies on the surface itself
        clear = np.abs(np.abs(points) - HIGH).min(axis=1) > 1e-6
        assert np.array_equal(unpack(packed)[clear], in_box(points, LOW, HIGH)[clear])


def test_shapes_and_types(brick: ShapeSample) -> None:
    assert brick.points.shape == (16000, 3) and brick.labels.shape == (2000,)
    assert brick.held_out_uniform.shape == brick.held_out_near.shape == (4000, 3)
    assert brick.held_out_uniform_labels.shape == brick.held_out_near_labels.shape == (500,)
    assert brick.surface.shape == (512, 3)
    assert {brick.points.dtype, brick.surface.dtype} == {np.dtype(np.uint16)}
    assert brick.labels.dtype == np.uint8
    assert brick.repairs == []


def test_points_lie_where_they_should(brick: ShapeSample) -> None:
    assert abs(brick.solid_fraction - 0.125) < 0.01
    surface = decode(brick.surface)
    assert np.abs(np.abs(surface) - HIGH).min(axis=1).max() < 2e-5
    # half of the area 2 * (0.5 + 0.25 + 0.125) lies on the two largest sides
    assert abs((np.abs(np.abs(surface[:, 1]) - 0.25) < 2e-5).mean() - 0.25 / 0.875) < 0.08
    near = decode(brick.held_out_near)
    outwards = np.maximum(np.abs(near) - HIGH, 0)
    distance = np.linalg.norm(outwards, axis=1)
    assert 0.4 < (distance > 0).mean() < 0.6
    assert 0.004 < distance.mean() < 0.008 and distance.max() < 0.06
    uniform = decode(brick.held_out_uniform)
    assert np.abs(uniform).max() <= 0.5 + 1e-5 and np.allclose(uniform.std(axis=0), 12**-0.5, atol=0.01)


def test_training_points_are_shuffled_and_apart_from_the_held_out(brick: ShapeSample) -> None:
    quarters = unpack(brick.labels).reshape(4, -1).mean(axis=1)
    assert np.ptp(quarters) < 0.05
    trained = {row.tobytes() for row in brick.points}
    assert sum(row.tobytes() in trained for row in brick.held_out_uniform) < 3


def test_the_sample_depends_on_bytes_seed_and_instance_alone(brick: ShapeSample) -> None:
    content = file_of(box((1, 1, 1), (9, 5, 3)))
    again = sample_mesh_file(content, ".PLY", SETTINGS, 0, "brick")
    for field in dataclasses.fields(ShapeSample):
        assert np.array_equal(getattr(again, field.name), getattr(brick, field.name)), field.name
    assert not np.array_equal(sample_mesh_file(content, ".ply", SETTINGS, 1, "brick").points, brick.points)
    assert not np.array_equal(sample_mesh_file(content, ".ply", SETTINGS, 0, "other").points, brick.points)


def test_buried_faces_get_no_surface_points() -> None:
    low, high = (-0.1, -0.1, -0.1), (0.1, 0.1, 0.1)
    signal = MeshOccupancy(join([box(LOW, HIGH), box(low, high)]), [], SETTINGS)
    points = signal.surface_points(2000, 0)
    assert (np.abs(np.abs(points) - HIGH).min(axis=1) < 1e-9).all()
    crossing = MeshOccupancy(
        join([box((-0.5, -0.1, -0.1), (0.5, 0.1, 0.1)), box((-0.1, -0.5, -0.1), (0.1, 0.5, 0.1))]), [], SETTINGS
    )
    points = crossing.surface_points(4000, 0)
    buried = (np.abs(points[:, :2]) < 0.1 - 1e-3).all(axis=1) & (np.abs(points[:, 2]) < 0.1 - 1e-9)
    assert not buried.any()


def test_a_ball_has_its_volume_in_either_placement() -> None:
    ball = occupancy_of(sphere(3.0, subdivisions=4), SETTINGS).sample(0, "ball")
    assert abs(ball.solid_fraction - np.pi / 6) < 0.015
    mean = dataclasses.replace(SETTINGS, normalisation="mean")
    smaller = occupancy_of(sphere(3.0, subdivisions=4), mean).sample(0, "ball")
    assert abs(smaller.solid_fraction - np.pi / 6 * 0.95**3) < 0.015


def test_a_mesh_that_encloses_nothing_is_rejected() -> None:
    flat = box((-0.5, -0.25, -0.125), (0.5, 0.25, 0.125))
    reversed_box = Mesh(flat.vertices, flat.faces[:, ::-1])
    with pytest.raises(Rejected, match="almost nothing"):
        occupancy_of(reversed_box, dataclasses.replace(SETTINGS, repair="none")).sample(0, "a")
