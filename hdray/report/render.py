"""Shaded pictures of triangle meshes by ray casting on the CPU: no display, no GPU, the same bytes every time.

An orthographic camera looks at the mesh from above and in front. Every pixel is sampled on a small grid, and
every hit is lit by a key light, a sky that darkens where the neighbourhood hides it (ambient occlusion), and nothing
random. Embree answers the ray queries.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hdray.signals.mesh import Mesh

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]  # (height, width, 4): sRGB and alpha, straight (not premultiplied)

GENERATED = (222, 142, 86)  # terracotta: everything generated, on every picture and chart
TRAINING = (142, 164, 190)  # slate: everything from the training data

_OCCLUSION_RAYS = 6  # per hit; with 2 x 2 samples a pixel that makes 24
_OCCLUSION_REACH = 0.35  # in units of the mesh's radius: farther geometry darkens nothing
_CREASE = 0.85  # cosine: a corner whose vertex normal turns farther than this from its face is a sharp edge


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera stands. Angles in degrees; azimuth 0 looks along -z, at y-up data's front."""

    azimuth: float = 35.0
    elevation: float = 22.0
    up: str = "y"
    samples: int = 2
    """Samples along each edge of a pixel."""
    margin: float = 0.04
    """Share of the picture left free on each side."""

    def axes(self) -> Floats:
        """Rows right, up and towards the camera, in the mesh's coordinates: (3, 3), orthonormal."""
        if self.up not in ("y", "z"):
            raise ValueError(f"up = {self.up!r} is not accepted; it must be y or z")
        azimuth, elevation = np.radians([self.azimuth, self.elevation])
        right = [np.cos(azimuth), 0.0, -np.sin(azimuth)]
        towards = [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
        frame = np.stack([right, np.cross(towards, right), towards])
        if self.up == "z":  # the y-up frame turned about x: (x, y, z) becomes (x, -z, y)
            frame = np.stack([frame[:, 0], -frame[:, 2], frame[:, 1]], axis=1)
        return frame.astype(np.float32)


def render(
    mesh: Mesh,
    size: int = 256,
    *,
    color: tuple[int, int, int] = GENERATED,
    view: View = View(),
    bounds: npt.ArrayLike | None = None,
    background: tuple[int, int, int] | None = None,
) -> Picture:
    """A picture (size, size, 4) of a mesh; transparent around it unless `background` is an sRGB colour.

    The mesh fills the picture; with `bounds` (2, 3), the box with these corners does (several meshes at one scale).
    Raises ValueError for a mesh without faces: show `empty_tile` instead.
    """
    if len(mesh.faces) == 0:
        raise ValueError("a mesh without faces has no picture")
    axes = view.axes()
    triangles = (np.asarray(mesh.vertices, dtype=np.float64) @ axes.T.astype(np.float64)).astype(np.float32)[mesh.faces]
    centre, radius = _framing(triangles.reshape(-1, 3) if bounds is None else _corners(bounds) @ axes.T)
    triangles = (triangles - centre) / radius  # the camera's axes; the picture spans [-1, 1] less the margin

    samples = size * view.samples
    scene = _scene(triangles)
    hits = _first_hits(scene, triangles, samples, extent=1 / (1 - 2 * view.margin))
    normals = _shading_normals(mesh, triangles, hits)
    light = _light(scene, hits, normals)

    linear = np.zeros((samples * samples, 4), np.float32)  # premultiplied, linear light
    linear[hits.pixels, :3] = light[:, None] * _to_linear(np.asarray(color, np.float32))
    linear[hits.pixels, 3] = 1
    linear = linear.reshape(size, view.samples, size, view.samples, 4).mean(axis=(1, 3))
    return _finish(linear, background)


@dataclass(frozen=True)
class _Hits:
    """The N samples that see the mesh, in the camera's axes."""

    pixels: npt.NDArray[np.int64]  # (N,) indices into the sample grid, row by row from the top
    faces: npt.NDArray[np.int32]  # (N,)
    points: Floats  # (N, 3)
    barycentric: Floats  # (N, 3)


def _corners(bounds: npt.ArrayLike) -> Floats:
    low, high = np.asarray(bounds, np.float32)
    choose = np.stack(np.meshgrid(*[[0, 1]] * 3), axis=-1).reshape(8, 3)
    return np.where(choose == 1, high, low).astype(np.float32)


def _framing(points: Floats) -> tuple[Floats, float]:
    """Centre (3,) and half width of the square that holds these points (N, 3) as the camera sees them."""
    low, high = points.min(0), points.max(0)
    return (low + high) / 2, max(float((high - low)[:2].max()) / 2, 1e-9)


def _scene(triangles: Floats) -> Any:
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(triangles))
    return scene


def _first_hits(scene: Any, triangles: Floats, samples: int, extent: float) -> _Hits:
    across = ((np.arange(samples, dtype=np.float32) + 0.5) / samples * 2 - 1) * extent
    start = float(triangles[..., 2].max()) + 0.5
    x, y = np.meshgrid(across, -across)
    origins = np.stack([x.ravel(), y.ravel(), np.full(samples * samples, start, np.float32)], axis=1)
    directions = np.broadcast_to(np.array([0, 0, -1], np.float32), origins.shape)
    found = scene.run(origins, np.ascontiguousarray(directions), query="INTERSECT", output=1)
    pixels = np.flatnonzero(found["primID"] >= 0)
    u, v = found["u"][pixels], found["v"][pixels]
    points = origins[pixels] + directions[pixels] * found["tfar"][pixels, None]
    return _Hits(pixels, found["primID"][pixels], points, np.stack([1 - u - v, u, v], axis=1))


def _shading_normals(mesh: Mesh, triangles: Floats, hits: _Hits) -> Floats:
    """Unit normals (N, 3) facing the camera: smooth over the surface, flat beside sharp edges."""
    doubled = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])  # (F, 3), twice the area
    flat = _unit(doubled)
    vertex = np.stack(
        [
            np.bincount(mesh.faces.ravel(), np.repeat(doubled[:, axis], 3), minlength=len(mesh.vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    seen, position = np.unique(hits.faces, return_inverse=True)
    corner = _unit(vertex.astype(np.float32))[mesh.faces[seen]]  # (S, 3 corners, 3)
    sharp = np.einsum("sck,sk->sc", corner, flat[seen]) < _CREASE
    corner = np.where(sharp[..., None], flat[seen][:, None], corner)
    smooth = _unit(np.einsum("nck,nc->nk", corner[position], hits.barycentric))
    # Back sides (open or inside-out surfaces) are lit as if they were fronts.
    return smooth * np.where(flat[hits.faces, 2] < 0, np.float32(-1), np.float32(1))[:, None]


def _light(scene: Any, hits: _Hits, normals: Floats) -> Floats:
    """Light (N,) reaching each hit, about 0 to 1: a key light over the viewer's left shoulder, a fill, and the sky."""
    key = np.maximum(normals @ _unit(np.array([-0.5, 0.75, 0.75], np.float32)), 0)
    fill = np.maximum(normals @ _unit(np.array([0.9, 0.1, 0.5], np.float32)), 0)
    sky = 0.75 + 0.25 * normals[:, 1]
    openness = _openness(scene, hits, normals)
    return (0.70 * key * (0.4 + 0.6 * openness) + 0.12 * fill + 0.48 * sky * openness).astype(np.float32)


def _openness(scene: Any, hits: _Hits, normals: Floats) -> Floats:
    """Share (N,) of the hemisphere over each hit that nearby geometry leaves open (cosine weighted)."""
    tangent = _unit(np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.7, [[1, 0, 0]], [[0, 1, 0]])))
    bitangent = np.cross(normals, tangent)
    # A golden-ratio sequence over pixels turns each pixel's fixed pattern of directions: even, and the same every time.
    turn = (hits.pixels * 0.6180339887498949) % 1.0
    lift = (hits.pixels * 0.7548776662466927) % 1.0
    origins = hits.points + normals * np.float32(2e-3)
    reach = np.full(len(origins), _OCCLUSION_REACH, np.float32)
    blocked = np.zeros(len(origins), np.float32)
    for ray in range(_OCCLUSION_RAYS):
        angle = 2 * np.pi * ((ray * 0.6180339887498949 + turn) % 1.0)
        height = ((ray + lift) / _OCCLUSION_RAYS) % 1.0
        out, along = np.sqrt(height)[:, None], np.sqrt(1 - height)[:, None]
        direction = out * (np.cos(angle)[:, None] * tangent + np.sin(angle)[:, None] * bitangent) + along * normals
        blocked += scene.run(origins, direction.astype(np.float32), dists=reach, query="OCCLUDED") >= 0
    return 1 - blocked / np.float32(_OCCLUSION_RAYS)


def _finish(linear: Floats, background: tuple[int, int, int] | None) -> Picture:
    """Premultiplied linear light (h, w, 4) to straight sRGB with alpha, over a background if there is one."""
    alpha = linear[..., 3:]
    if background is None:
        straight = linear[..., :3] / np.maximum(alpha, 1e-6)
    else:
        straight = linear[..., :3] + (1 - alpha) * _to_linear(np.asarray(background, np.float32))
        alpha = np.ones_like(alpha)
    rgb = np.clip(straight, 0, 1) ** (1 / 2.2)
    return np.round(np.concatenate([rgb, alpha], axis=-1) * 255).astype(np.uint8)


def _to_linear(srgb: Floats) -> Floats:
    return ((srgb / 255) ** 2.2).astype(np.float32)


def _unit(vectors: npt.NDArray[Any]) -> Floats:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-20)).astype(np.float32)
