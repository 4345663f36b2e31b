"""Are two files the same geometry? A few numbers of each say which pairs may be, distances between surfaces say which are.

Copies are common in collections: a file under another name, exported again with its vertices in another order, moved or
scaled, with floats rounded. None of that matters here, as placement (hdray.signals.placement) takes it away or the fit
would not notice. Turned or mirrored shapes are other shapes.
"""

from dataclasses import dataclass

import numpy as np

from hdray.signals.animation import fitted_frames
from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import read_mesh
from hdray.signals.settings import OccupancySettings

ALIKE = 5e-3
"""Largest difference of any number in the fingerprints of two files that may be the same geometry."""
SAME = 1e-3
"""Largest distance (longest box edges) between two surfaces that are the same: far below what a field or a grid resolves."""

# Weights and corners' shares of the rule that integrates cubic polynomials over a triangle exactly (Strang and Fix 1973).
_RULE = np.array([-27, 25, 25, 25]) / 48
_AT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
# Exponents of x, y, z in the monomials of degree 1, 2 and 3: 3 + 6 + 10.
_DEGREES = np.array([(x, y, z) for x in range(4) for y in range(4) for z in range(4) if 1 <= x + y + z <= 3])


@dataclass(frozen=True)
class Geometry:
    """A shape where it is compared: a mesh per frame (one of a still shape), placed in the unit box."""

    frames: list[Mesh]


def read_geometry(content: bytes, extension: str, settings: OccupancySettings) -> Geometry:
    """The geometry in a file's bytes, of an animation the frames that are fitted. Raises Rejected where there is none.

    The bounding box of all frames is centred at the origin and its longest edge becomes 1. Where placement centres each
    frame (`normalisation` "mean"), so does this, by boxes: a mean of vertices would depend on how a surface is cut up.
    """
    if settings.frames:
        from hdray.signals.animation_file import read_animation

        meshes = fitted_frames(read_animation(content, extension, settings.frames), settings.frames)
    else:
        meshes = [read_mesh(content, extension)]
    meshes = [clean(mesh)[0] for mesh in meshes]
    lows, highs = (np.stack([end(mesh.vertices, axis=0) for mesh in meshes]) for end in (np.min, np.max))  # (T, 3)
    if settings.normalisation == "box":
        lows, highs = (np.broadcast_to(end(box, axis=0), box.shape) for end, box in ((np.min, lows), (np.max, highs)))
    size, centres = (highs - lows).max(), 0.5 * (lows + highs)
    return Geometry([Mesh((mesh.vertices - at) / size, mesh.faces) for mesh, at in zip(meshes, centres, strict=True)])


@dataclass(frozen=True)
class Comparison:
    """The `fingerprint` of one file, or the `distance` between two; what a hdray.signals.limits.LimitedReader does."""

    settings: OccupancySettings

    def prepare(self) -> None:
        """Load the libraries that meshes are read and compared with."""
        import igl  # noqa: F401
        import trimesh  # noqa: F401

    def __call__(self, _: str, *files: tuple[bytes, str]) -> np.ndarray | float:
        """What of it the number of files asks for. Raises Rejected."""
        geometries = [read_geometry(content, extension, self.settings) for content, extension in files]
        return fingerprint(*geometries) if len(geometries) == 1 else distance(*geometries)


def fingerprint(geometry: Geometry) -> np.ndarray:
    """Numbers (T * 22,) float32 that all files of one geometry share up to about `ALIKE`.

    Per frame the edges of the bounding box, and the means over the surface of all monomials x^i y^j z^k of degree 1 to 3:
    integrals, so that they depend neither on the order of vertices and faces nor on how the surface is cut into faces.
    """
    return np.concatenate([_numbers(mesh) for mesh in geometry.frames]).astype(np.float32)


def _numbers(mesh: Mesh) -> np.ndarray:
    areas = mesh.areas
    points = _points(mesh)  # (F, 4, 3)
    powers = points[..., None] ** np.arange(4)  # (F, 4, 3 coordinates, 4 powers)
    x, y, z = _DEGREES.T
    monomials = powers[:, :, 0, x] * powers[:, :, 1, y] * powers[:, :, 2, z]  # (F, 4, 19)
    means = np.einsum("f,p,fpm->m", areas / areas.sum(), _RULE, monomials)
    return np.concatenate([np.ptp(mesh.vertices, axis=0), means])


def distance(a: Geometry, b: Geometry) -> float:
    """The largest distance in any frame from a vertex, or one of four points inside each face, to the other surface."""
    return max(max(_farthest(one, other), _farthest(other, one)) for one, other in zip(a.frames, b.frames, strict=True))


def _farthest(mesh: Mesh, surface: Mesh) -> float:
    """The largest distance from points of `mesh` to `surface`."""
    import igl

    points = np.concatenate([mesh.vertices, _points(mesh).reshape(-1, 3)])
    squared, _, _ = igl.point_mesh_squared_distance(points, surface.vertices, surface.faces)
    return float(np.sqrt(squared.max()))


def _points(mesh: Mesh) -> np.ndarray:
    """The points of the rule in every face, (F, 4, 3)."""
    return np.einsum("pk,fkd->fpd", _AT, mesh.corners)
