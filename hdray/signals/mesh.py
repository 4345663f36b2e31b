"""Triangle meshes, the form in which shapes enter and leave hdray."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """Triangles: `vertices` (V, 3) float64, and `faces` (F, 3) int64 indices into them, counter-clockwise from outside."""

    vertices: np.ndarray
    faces: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """The corner positions of every face, (F, 3 corners, 3 coordinates)."""
        return self.vertices[self.faces]

    @property
    def cross_products(self) -> np.ndarray:
        """Per face the normal with twice the face's area as its length, (F, 3)."""
        corners = self.corners
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    @property
    def areas(self) -> np.ndarray:
        """The area of every face, (F,)."""
        return 0.5 * np.linalg.norm(self.cross_products, axis=1)

    @property
    def longest_edge(self) -> float:
        """The longest edge of the bounding box of all vertices."""
        return float(np.ptp(self.vertices, axis=0).max())

    def points_on(self, faces: np.ndarray, stream: np.random.Generator) -> np.ndarray:
        """A uniform random point on each of these faces: (n, 3) for indices (n,)."""
        draw = stream.random((len(faces), 2))
        # The square root spreads the first coordinate by the width of the triangle that is left.
        root, along = np.sqrt(draw[:, :1]), draw[:, 1:]
        weights = np.concatenate([1 - root, root * (1 - along), root * along], axis=1)  # (n, 3 corners)
        return np.einsum("nk,nkd->nd", weights, self.corners[faces])


def join(meshes: list[Mesh]) -> Mesh:
    """All meshes in one, vertices and faces in the order given."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]),
    )
