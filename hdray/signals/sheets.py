"""Sheets: surfaces without thickness, seen from both sides, made into thin slabs so that they have an inside."""

import numpy as np

from hdray.signals.mesh import Mesh
from hdray.signals.patches import unbalanced_edges


def thicken(mesh: Mesh, thickness: float) -> Mesh:
    """The slab of this thickness around a consistently wound open surface: both sides offset, joined along the border."""
    count = len(mesh.vertices)
    crosses = mesh.cross_products
    normals = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(normals, mesh.faces[:, corner], crosses)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.where(lengths > 0, lengths, 1)
    above, below = mesh.vertices + 0.5 * thickness * normals, mesh.vertices - 0.5 * thickness * normals
    border = unbalanced_edges(mesh.faces)
    start, end = border[:, 0], border[:, 1]
    # The upper side runs start -> end along the border, so the wall runs back: down at start, up at end.
    walls = np.concatenate(
        [
            np.stack([end, start, start + count], axis=1),
            np.stack([end, start + count, end + count], axis=1),
        ]
    )
    faces = np.concatenate([mesh.faces, mesh.faces[:, ::-1] + count, walls])
    return Mesh(np.concatenate([above, below]), faces)


def slabs(mesh: Mesh, thickness: float) -> Mesh:
    """A closed prism of this thickness around every face: for faces that fold back on each other, where no slab can
    follow the surface."""
    crosses = mesh.cross_products
    normals = crosses / np.linalg.norm(crosses, axis=1, keepdims=True)
    offset = 0.5 * thickness * normals[:, None]
    corners = np.concatenate([mesh.corners + offset, mesh.corners - offset], axis=1)  # (F, 3 above then 3 below, 3)
    prism = np.array([[0, 1, 2], [5, 4, 3], [1, 0, 3], [1, 3, 4], [2, 1, 4], [2, 4, 5], [0, 2, 5], [0, 5, 3]])
    faces = prism[None] + 6 * np.arange(len(mesh.faces))[:, None, None]
    return Mesh(corners.reshape(-1, 3), faces.reshape(-1, 3))
