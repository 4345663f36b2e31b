"""Meshes made light enough for a page: fewer faces, 13-bit coordinates, deflated. `page/page.js` unpacks them.

The packed bytes are planes: all low bytes, then all high bytes, of the 16-bit numbers
    3 V  differences between neighbouring vertices' coordinates, x of all vertices, then y, then z (two's complement);
    3 F  face corners, each as (highest index so far) - index; a corner not seen before is written as 0 and is the next.
Faces are ordered along a space-filling curve and vertices by first use, so both are small and deflate well.
"""

import base64
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hdray.signals.mesh import Mesh

LEVELS = 8_191  # coordinates run from 0 to this along the longest edge of the bounding box
MOST_FACES = 20_000  # keeps vertex numbers within 16 bits, for any mesh


@dataclass(frozen=True)
class PackedMesh:
    """A mesh for the page. A coordinate is `origin` + code * `scale`."""

    data: str
    """Base64 of the deflated planes."""
    vertices: int
    faces: int
    origin: tuple[float, float, float]
    scale: float


def pack(mesh: Mesh, most_faces: int) -> PackedMesh:
    """Decimate (by quadric errors) to about `most_faces` at most, quantise and deflate. The mesh must have faces."""
    if len(mesh.faces) == 0:
        raise ValueError("a mesh without faces cannot be packed")
    vertices, faces = _decimated(mesh, min(most_faces, MOST_FACES))
    origin = vertices.min(0)
    scale = max(float(np.ptp(vertices, axis=0).max()), 1e-9) / LEVELS
    codes = np.round((vertices - origin) / scale).astype(np.int64)  # (V, 3)
    codes, faces = _in_order(codes, faces)
    differences = np.diff(codes, axis=0, prepend=0).T.ravel()
    corners = faces.ravel()
    highest = np.maximum.accumulate(corners)
    before = np.concatenate([[-1], highest[:-1]])
    backwards = np.where(corners > before, 0, before - corners + 1)
    numbers = np.concatenate([differences, backwards]).astype(np.uint16)
    planes = (numbers & 0xFF).astype(np.uint8).tobytes() + (numbers >> 8).astype(np.uint8).tobytes()
    return PackedMesh(
        data=base64.b64encode(zlib.compress(planes, 9)).decode("ascii"),
        vertices=len(codes),
        faces=len(faces),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        scale=scale,
    )


def _decimated(mesh: Mesh, most_faces: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    vertices, faces = mesh.vertices, mesh.faces
    if len(faces) > most_faces:
        import fast_simplification

        reduced = fast_simplification.simplify(
            vertices.astype(np.float32), faces.astype(np.int32), target_count=most_faces
        )
        vertices, faces = np.asarray(reduced[0], np.float64), np.asarray(reduced[1], np.int64)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    return vertices, faces


def _in_order(
    codes: npt.NDArray[np.int64], faces: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Faces along the Morton curve of their centres, vertices by first use (unused ones dropped)."""
    centre = codes[faces].sum(axis=1) // 3  # (F, 3), 13 bits
    morton = np.zeros(len(faces), np.int64)
    for bit in range(13):
        for axis in range(3):
            morton |= ((centre[:, axis] >> bit) & 1) << (3 * bit + axis)
    corners = faces[np.argsort(morton, kind="stable")].ravel()
    used, first, position = np.unique(corners, return_index=True, return_inverse=True)
    by_first_use = np.argsort(first, kind="stable")
    new = np.empty(len(used), np.int64)
    new[by_first_use] = np.arange(len(used))
    return codes[used[by_first_use]], new[position].reshape(-1, 3)
