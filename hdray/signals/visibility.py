"""What can be seen from outside: rays from both sides of every face, and how many of them leave the scene.

After Takayama et al. 2014, "A Simple Method for Correcting Facet Orientations in Polygon Meshes Based on Ray Casting".
"""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh

RAYS = 150_000
"""Rays from each side of a mesh, shared out by area."""
FEWEST_RAYS = 8
"""Rays from each side of even the smallest face."""
MOST_FACES = 60_000
"""Above this many faces only every face's share by area counts, so that a huge mesh costs no more rays."""
OFFSET = 2e-5
"""Distance of a ray's origin from its face, in longest box edges: more than float32 blurs, less than any real gap."""


@dataclass(frozen=True)
class Visibility:
    """Per face and side (front is where the normal points): shares of rays, (F, 2 sides: front, back)."""

    escaped: np.ndarray
    """Share of the rays that hit nothing."""
    saw_front: np.ndarray
    """Share of the rays whose first hit was the front of a face."""
    saw_back: np.ndarray
    """Share of the rays whose first hit was the back of a face."""


class RayScene:
    """A mesh that rays can be shot at. Rays and vertices are scaled to the unit box, since embree counts in float32."""

    def __init__(self, mesh: Mesh) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.mesh = mesh
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        self._centre, self._size = 0.5 * (low + high), float((high - low).max())
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, ((mesh.corners - self._centre) / self._size).astype(np.float32))
        crosses = mesh.cross_products
        self.normals = crosses / np.linalg.norm(crosses, axis=1, keepdims=True)

    def first_hits(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """The face each ray (n, 3), (n, 3) hits first, (n,), -1 for none."""
        unit = (origins - self._centre) / self._size
        return np.asarray(self._scene.run(unit.astype(np.float32), directions.astype(np.float32), query="INTERSECT"))

    def look_around(self, faces: np.ndarray | None = None, counted: np.ndarray | None = None) -> Visibility:
        """Visibility of every face, or of the given ones (n,); the same mesh always gives the same numbers.

        Hits on faces that are not `counted` (F,) are seen neither as front nor as back.
        """
        mesh = self.mesh
        chosen = np.arange(len(mesh.faces)) if faces is None else faces
        areas = mesh.areas[chosen]
        share = RAYS * areas / areas.sum()
        fewest = FEWEST_RAYS if len(chosen) <= MOST_FACES else 1
        counts = np.maximum(np.ceil(share), fewest).astype(np.int64)
        local = np.repeat(np.arange(len(chosen)), counts)
        stream = numpy_stream(len(local), "visibility")
        draw = stream.random((len(local), 4))
        root = np.sqrt(draw[:, 0:1])
        weights = np.concatenate([1 - root, root * (1 - draw[:, 1:2]), root * draw[:, 1:2]], axis=1)  # (n, 3 corners)
        points = np.einsum("nk,nkd->nd", weights, mesh.corners[chosen][local])
        height, turn = 2 * draw[:, 2] - 1, 2 * np.pi * draw[:, 3]
        flat = np.sqrt(1 - height * height)
        sphere = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)

        totals = np.zeros((3, len(chosen), 2))
        for side, sign in enumerate((1.0, -1.0)):
            normals = sign * self.normals[chosen][local]
            # normal plus a point of the unit sphere: cosine-weighted; a little more normal keeps it off the face's plane
            directions = 1.02 * normals + sphere
            hits = self.first_hits(points + OFFSET * self._size * normals, directions)
            facing = np.einsum("nd,nd->n", directions, self.normals[hits]) < 0
            known = (hits >= 0) if counted is None else (hits >= 0) & counted[hits]
            for row, seen in enumerate((hits < 0, known & facing, known & ~facing)):
                totals[row, :, side] = np.bincount(local, weights=seen, minlength=len(chosen)) / counts
        return Visibility(*totals)

    def depths(self, samples: int = 3) -> np.ndarray:
        """How far behind each face the next surface lies (median of a few points), (F,); infinite where there is none."""
        mesh = self.mesh
        local = np.repeat(np.arange(len(mesh.faces)), samples)
        draw = numpy_stream(len(local), "depths").dirichlet((2.0, 2.0, 2.0), size=len(local))  # (n, 3 corners)
        points = np.einsum("nk,nkd->nd", draw, mesh.corners[local])
        # From a little in front of the face: the surface behind may lie exactly on it, where a ray from it would miss.
        start = points + OFFSET * self._size * self.normals[local]
        own = self.first_hits(start, -self.normals[local])
        behind = points - OFFSET * self._size * self.normals[local]
        hits = self.first_hits(behind, -self.normals[local])
        gap = np.einsum("nd,nd->n", points - mesh.corners[hits][:, 0], self.normals[hits])
        slope = np.einsum("nd,nd->n", self.normals[local], self.normals[hits])
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(gap / slope)
        distance = np.where(hits < 0, np.inf, distance)
        # Another face hit first from in front, or one of the two coincide: nothing lies between them.
        distance = np.where((own >= 0) & (own != local), 0.0, distance)
        return np.asarray(np.median(distance.reshape(-1, samples), axis=1))
