"""Clouds as meshes: a small tetrahedron around each point, so that whatever stores and shows meshes shows clouds."""

import numpy as np

from hdray.signals.mesh import Mesh

RADIUS = 0.006
"""From a point to the corners of its bead, in edges of the box: beads of 2,048 points on a chair hardly touch."""
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def beads(points: np.ndarray) -> Mesh:
    """A closed mesh of 4 vertices and 4 faces for each of points (P, 3), in their order, faces turned outwards."""
    vertices = points[:, None].astype(np.float64) + RADIUS * CORNERS  # (P, 4, 3)
    faces = FACES + 4 * np.arange(len(points))[:, None, None]
    return Mesh(vertices.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int64))


def bead_centres(mesh: Mesh) -> np.ndarray:
    """The points (P, 3) float32 that a mesh of `beads` stands for."""
    return mesh.vertices.reshape(-1, 4, 3).mean(axis=1).astype(np.float32)
