"""Procedural chairs: watertight parts, a solid union, real variation."""

import igl
import numpy as np
import trimesh
from scipy import ndimage

from hdray.signals.chairs import chair
from hdray.signals.mesh import Mesh
from hdray.signals.occupancy import occupancy_of
from hdray.signals.patches import connected, unbalanced_edges
from hdray.signals.settings import OccupancySettings

CHAIRS = [chair(0, f"chair-{number}") for number in range(40)]


def test_every_part_is_watertight_and_right_side_out() -> None:
    for mesh in CHAIRS:
        assert len(unbalanced_edges(mesh.faces)) == 0
        part = connected(mesh.faces, len(mesh.vertices))
        for name in range(part.max() + 1):
            piece = trimesh.Trimesh(mesh.vertices, mesh.faces[part == name], process=False)
            assert piece.is_watertight and piece.volume > 1e-5


def test_parts_overlap_into_one_body() -> None:
    for mesh in CHAIRS[:4]:
        _, bodies = ndimage.label(solid(mesh), structure=np.ones((3, 3, 3)))
        assert bodies == 1


def test_chairs_need_no_repair_and_have_chair_sizes() -> None:
    for mesh in CHAIRS:
        signal = occupancy_of(mesh, OccupancySettings())
        assert signal.repairs == []
        width, height, depth = np.ptp(mesh.vertices, axis=0)
        assert 0.38 < width < 0.8 and 0.65 < height < 1.2 and 0.38 < depth < 0.9
        assert mesh.vertices[:, 1].min() > -0.02


def test_a_chair_stands_on_four_legs_below_a_seat_with_a_back_behind() -> None:
    for mesh in CHAIRS[:4]:
        labels = solid(mesh)  # (x, y, z), y up, z to the front
        height = labels.shape[1]
        _, feet = ndimage.label(labels[:, 2])
        assert feet == 4
        above = labels[:, int(0.9 * height)]
        assert above.any() and not above[:, above.shape[1] // 2 :].any()


def test_chairs_vary_and_each_is_always_the_same() -> None:
    assert np.array_equal(chair(0, "chair-3").vertices, CHAIRS[3].vertices)
    assert not np.array_equal(chair(1, "chair-3").vertices, CHAIRS[3].vertices)
    assert len({(len(mesh.vertices), len(mesh.faces)) for mesh in CHAIRS}) > 10
    volumes = [trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).volume for mesh in CHAIRS]
    assert np.std(volumes) > 0.15 * np.mean(volumes)


def solid(mesh: Mesh) -> np.ndarray:
    """Labels on a grid of 2 cm over the bounding box."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    axes = [np.arange(low[k] + 0.005, high[k], 0.02) for k in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    winding = igl.fast_winding_number(mesh.vertices, mesh.faces, grid.reshape(-1, 3))
    return np.asarray(winding > 0.5).reshape(grid.shape[:3])
