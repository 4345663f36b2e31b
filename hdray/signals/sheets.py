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
    walls = np.concatenate([
        np.stack([end, start, start + count], axis=1),
        np.stack([end, start + count, end + count], axis=1),
    ])
    faces = np.concatenate([mesh.faces, mesh.faces[:, ::-1] + count, walls])
    return Mesh(np.concatenate([above, below]), faces)
