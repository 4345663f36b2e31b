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
REFLECTED = 0.7
"""Share of the light that a face passes on."""


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
        lengths = np.linalg.norm(crosses, axis=1, keepdims=True)
        self.normals = crosses / np.where(lengths > 0, lengths, 1)  # caps over cracks may have no area

    def first_hits(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """The face each ray (n, 3), (n, 3) hits first, (n,), -1 for none."""
        unit = (origins - self._centre) / self._size
        return np.asarray(self._scene.run(unit.astype(np.float32), directions.astype(np.float32), query="INTERSECT"))

    def look_around(self, faces: np.ndarray | None = None, counted: np.ndarray | None = None) -> Visibility:
        """Visibility of every face, or of the given ones (n,); the same mesh always gives the same numbers.

        Hits on faces that are not `counted` (F,) are seen neither as front nor as back.
        """
        chosen = np.arange(len(self.mesh.faces)) if faces is None else faces
        totals = np.zeros((3, len(chosen), 2))
        for side, sign in enumerate((1.0, -1.0)):
            local, counts, hits, directions = self._rays(chosen, sign)
            facing = np.einsum("nd,nd->n", directions, self.normals[hits]) < 0
            known = (hits >= 0) if counted is None else (hits >= 0) & counted[hits]
            for row, seen in enumerate((hits < 0, known & facing, known & ~facing)):
                totals[row, :, side] = np.bincount(local, weights=seen, minlength=len(chosen)) / counts
        return Visibility(*totals)

    def _rays(self, chosen: np.ndarray, sign: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Cosine-weighted rays from the front (sign 1) or back (-1) of the chosen faces (n,).

        Per ray the position in `chosen` it starts from, the face it hits or -1, and its direction; per face the rays it has.
        Returned as (start (R,), counts (n,), hits (R,), directions (R, 3)).
        """
        mesh = self.mesh
        areas = mesh.areas[chosen]
        fewest = FEWEST_RAYS if len(chosen) <= MOST_FACES else 1
        counts = np.maximum(np.ceil(RAYS * areas / areas.sum()), fewest).astype(np.int64)
        local = np.repeat(np.arange(len(chosen)), counts)
        draw = numpy_stream(len(local), "visibility").random((len(local), 4))
        root = np.sqrt(draw[:, 0:1])
        weights = np.concatenate([1 - root, root * (1 - draw[:, 1:2]), root * draw[:, 1:2]], axis=1)  # (R, 3 corners)
        points = np.einsum("nk,nkd->nd", weights, mesh.corners[chosen][local])
        height, turn = 2 * draw[:, 2] - 1, 2 * np.pi * draw[:, 3]
        flat = np.sqrt(1 - height * height)
        sphere = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
        normals = sign * self.normals[chosen][local]
        # normal plus a point of the unit sphere: cosine-weighted; a little more normal keeps it off the face's plane
        directions = 1.02 * normals + sphere
        return local, counts, self.first_hits(points + OFFSET * self._size * normals, directions), directions

    def depths(self, samples: int = 3) -> np.ndarray:
        """How thick the solid is behind each face, (F,): the median over a few points of the way to the back of another
        face; infinite where the next surface behind shows its front, or there is none."""
        mesh = self.mesh
        local = np.repeat(np.arange(len(mesh.faces)), samples)
        draw = numpy_stream(len(local), "depths").dirichlet((2.0, 2.0, 2.0), size=len(local))  # (n, 3 corners)
        points = np.einsum("nk,nkd->nd", draw, mesh.corners[local])
        normals = self.normals[local]
        lift = OFFSET * self._size * normals
        behind = self.first_hits(points - lift, -normals)
        gap = np.einsum("nd,nd->n", points - mesh.corners[behind][:, 0], self.normals[behind])
        slope = np.einsum("nd,nd->n", normals, self.normals[behind])
        leaves = (behind >= 0) & (slope < -0.1)
        distance = np.where(leaves, np.abs(gap / np.where(leaves, slope, 1)), np.inf)
        # A face that lies exactly on this one is missed from behind; rays from just off either side may meet it first.
        for origins, directions in ((points + lift, -normals), (points - 3 * lift, normals)):
            hit = self.first_hits(origins, directions)
            opposed = np.einsum("nd,nd->n", normals, self.normals[hit]) < -0.9
            distance = np.where((hit >= 0) & (hit != local) & opposed, 0.0, distance)
        return np.asarray(np.median(distance.reshape(-1, samples), axis=1))

    def daylight(self, bounces: int = 12) -> np.ndarray:
        """How bright the front of each face is, (F,), when the sky shines and fronts reflect REFLECTED of what they get.

        Zero where the air before the face is sealed off; small where it is reached through cracks only.
        """
        import scipy.sparse

        face, rays, hits, directions = self._rays(np.arange(len(self.mesh.faces)), 1.0)
        onto_front = (hits >= 0) & (np.einsum("nd,nd->n", directions, self.normals[hits]) < 0)
        count = len(self.mesh.faces)
        sky = np.bincount(face, weights=hits < 0, minlength=count) / rays
        links = scipy.sparse.csr_matrix(
            (REFLECTED / rays[face[onto_front]], (face[onto_front], hits[onto_front])), shape=(count, count)
        )
        light = sky
        for _ in range(bounces):
            light = sky + links @ light
        return np.asarray(light)
