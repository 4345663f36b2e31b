"""Packed meshes, unpacked here as the page's script does."""

import base64
import zlib

import numpy as np
import pytest
import trimesh

from hdray.report.payload import LEVELS, PackedMesh, pack
from hdray.signals.mesh import Mesh


def unpack(packed: PackedMesh) -> tuple[np.ndarray, np.ndarray]:
    planes = zlib.decompress(base64.b64decode(packed.data))
    count = 3 * packed.vertices + 3 * packed.faces
    assert len(planes) == 2 * count
    numbers = [planes[i] | planes[count + i] << 8 for i in range(count)]
    vertices = np.empty((packed.vertices, 3))
    for axis in range(3):
        code = 0
        for vertex in range(packed.vertices):
            code = (code + numbers[axis * packed.vertices + vertex]) & 0xFFFF
            vertices[vertex, axis] = packed.origin[axis] + code * packed.scale
    corners, highest = [], -1
    for back in numbers[3 * packed.vertices :]:
        if back == 0:
            highest += 1
        corners.append(highest if back == 0 else highest - back + 1)
    return vertices, np.array(corners).reshape(-1, 3)


def torus() -> Mesh:
    solid = trimesh.creation.torus(0.35, 0.12)
    solid.apply_translation([0.1, -0.2, 0.05])
    return Mesh(np.asarray(solid.vertices, np.float64), np.asarray(solid.faces, np.int64))


def as_triangles(vertices: np.ndarray, faces: np.ndarray, step: float) -> set[tuple[tuple[int, ...], ...]]:
    """Triangles as a set, corners turned so that the smallest comes first: independent of any numbering."""
    codes = np.round((vertices - [-0.5, -0.5, -0.5]) / step).astype(int)
    triangles = set()
    for face in faces:
        corners = [tuple(int(c) for c in codes[index]) for index in face]
        first = corners.index(min(corners))
        triangles.add(tuple(corners[first:] + corners[:first]))
    return triangles


def test_an_undecimated_mesh_comes_back_with_its_orientation() -> None:
    mesh = torus()
    packed = pack(mesh, most_faces=20_000)
    vertices, faces = unpack(packed)
    assert (len(vertices), len(faces)) == (len(mesh.vertices), len(mesh.faces))
    # Vertices by nearest neighbour: each within half a quantum of its original, triangles turned the same way.
    distance = np.linalg.norm(vertices[:, None] - mesh.vertices[None], axis=-1)
    nearest = distance.argmin(axis=1)
    assert distance.min(axis=1).max() <= packed.scale * np.sqrt(3) / 2 * 1.001
    assert packed.scale == pytest.approx(np.ptp(mesh.vertices, axis=0).max() / LEVELS)
    step = 1e-6
    assert as_triangles(mesh.vertices[nearest], faces, step) == as_triangles(mesh.vertices, mesh.faces, step)


def test_decimation_keeps_the_shape() -> None:
    solid = trimesh.creation.icosphere(subdivisions=5, radius=0.5)  # 20,480 faces
    packed = pack(Mesh(np.asarray(solid.vertices), np.asarray(solid.faces, np.int64)), most_faces=2_000)
    vertices, faces = unpack(packed)
    assert 1_500 < len(faces) <= 2_000
    light = trimesh.Trimesh(vertices, faces, process=False)
    assert light.is_watertight
    assert light.volume == pytest.approx(np.pi / 6, rel=0.01)
    assert len(packed.data) < 9 * len(faces)


def test_no_faces() -> None:
    with pytest.raises(ValueError, match="without faces"):
        pack(Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64)), 100)
