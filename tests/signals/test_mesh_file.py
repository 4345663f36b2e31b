"""Reading the six formats, and saying why a file cannot be read."""

import json

import numpy as np
import pytest
import trimesh

from hdray.signals.mesh_file import EXTENSIONS, read_mesh
from hdray.signals.rejection import Rejected

QUAD_CUBE = b"""
mtllib missing.mtl
usemtl gone
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""

POINT_PLY = b"""ply
format ascii 1.0
element vertex 1
property float x
property float y
property float z
end_header
0 0 0
"""


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    corners = vertices[faces]
    return float(np.einsum("fd,fd->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


@pytest.mark.parametrize("extension", [e for e in EXTENSIONS if e != ".gltf"])
def test_every_format_gives_the_same_solid(extension: str) -> None:
    content = trimesh.creation.box(extents=(1, 2, 3)).export(file_type=extension[1:])
    mesh = read_mesh(content.encode() if isinstance(content, str) else content, extension.upper())
    assert len(mesh.faces) == 12
    assert mesh.vertices.dtype == np.float64 and mesh.faces.dtype == np.int64
    assert volume(mesh.vertices, mesh.faces) == pytest.approx(6)


def test_quads_are_triangulated_and_missing_materials_ignored() -> None:
    mesh = read_mesh(QUAD_CUBE, ".obj")
    assert len(mesh.faces) == 12
    assert volume(mesh.vertices, mesh.faces) == pytest.approx(1)


def test_scenes_are_flattened_in_world_space() -> None:
    scene = trimesh.Scene()
    unit = trimesh.creation.box()
    far, scaled = np.eye(4), np.diag([2.0, 2.0, 2.0, 1.0])
    far[:3, 3] = [10, 0, 0]
    scene.add_geometry(unit, geom_name="unit", transform=far)
    scene.add_geometry(unit, geom_name="unit", transform=scaled)
    mesh = read_mesh(scene.export(file_type="glb"), ".glb")
    assert len(mesh.faces) == 24
    assert np.allclose(mesh.vertices.min(axis=0), [-1, -1, -1])
    assert np.allclose(mesh.vertices.max(axis=0), [10.5, 1, 1])


def test_gltf_with_its_buffer_inside_is_read_and_with_an_external_one_is_rejected() -> None:
    files = trimesh.creation.box().export(file_type="gltf", embed_buffers=True)
    assert len(read_mesh(files["model.gltf"], ".gltf").faces) == 12
    external = json.loads(files["model.gltf"])
    external["buffers"][0]["uri"] = "elsewhere.bin"
    with pytest.raises(Rejected, match="another file"):
        read_mesh(json.dumps(external).encode(), ".gltf")


@pytest.mark.parametrize(
    ("content", "extension", "reason"),
    [
        (b"", ".obj", "empty"),
        (b"  \n", ".ply", "empty"),
        (b"v 0 0 0\nv 1 0 0\n", ".obj", "no faces"),
        (POINT_PLY, ".ply", "no faces"),
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", ".off", "vert|read"),
        (b"not a mesh", ".ply", "could not be read as .ply"),
        (b"not a mesh", ".glb", "could not be read as .glb"),
        (b"{}", ".gltf", "."),
        (b"solid", ".xyz", "not a mesh format"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, extension: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read_mesh(content, extension)
