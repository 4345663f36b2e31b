"""Mesh files to triangles: .obj .off .ply .stl .glb .gltf through trimesh, scenes flattened in world space."""

import io
import json
import logging
from typing import Any

import numpy as np

from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected

EXTENSIONS = (".obj", ".off", ".ply", ".stl", ".glb", ".gltf")


def read_mesh(content: bytes, extension: str) -> Mesh:
    """The triangles in a file's bytes, as they are: nothing cleaned, welded or repaired.

    Quads and polygons are triangulated; the instances of a scene are placed by their node transforms; points, lines,
    materials and textures are ignored. Raises Rejected when there is no triangle to be had.
    """
    import trimesh

    extension = extension.lower()
    if extension not in EXTENSIONS:
        raise Rejected(
            f"{extension or 'a file without extension'} is not a mesh format read here ({' '.join(EXTENSIONS)})"
        )
    if not content.strip():
        raise Rejected("the file is empty")
    if extension == ".gltf":
        _check_buffers(content)
    # Missing materials and textures are no concern here; trimesh logs every one of them.
    logging.getLogger("trimesh").setLevel(logging.CRITICAL)
    try:
        scene = trimesh.load_scene(io.BytesIO(content), file_type=extension[1:], process=False, skip_materials=True)
        mesh: Any = scene.to_mesh()
    except MemoryError:
        raise
    except Exception as error:  # a parser on broken bytes may raise anything; each is a file that cannot be read
        raise Rejected(_reading_failed(error, extension)) from error
    vertices = np.asarray(mesh.vertices, dtype=np.float64).reshape(-1, 3)
    faces = np.asarray(mesh.faces, dtype=np.int64).reshape(-1, 3)
    if len(faces) == 0:
        kind = "points only" if len(vertices) else "no geometry"
        raise Rejected(f"the file holds no faces ({kind}), so there is no surface")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise Rejected(f"a face refers to vertex {int(faces.max())}, but the file has only {len(vertices)} vertices")
    return Mesh(vertices, faces)


def _check_buffers(content: bytes) -> None:
    """Reject a .gltf that keeps its geometry in files beside it: only the one file's bytes come here."""
    try:
        buffers = json.loads(content)["buffers"]
        elsewhere = [buffer["uri"] for buffer in buffers if not buffer["uri"].startswith("data:")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Rejected("the file could not be read as .gltf: it holds no buffers, so no geometry") from None
    if elsewhere:
        raise Rejected(
            f"its geometry is in another file ({elsewhere[0][:100]}); export it as .glb, which holds everything"
        )


def _reading_failed(error: Exception, extension: str) -> str:
    detail = " ".join(str(error).split())[:200] or type(error).__name__
    return f"the file could not be read as {extension}; it is damaged or something else ({detail})"
