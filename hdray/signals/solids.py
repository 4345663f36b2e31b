"""Watertight solids that procedural shapes are put together from: bars, planks, prisms, turned and bent ones.

Parts overlap instead of being cut to fit: a point is inside a shape where it is inside any part. x is the width, y is up, z
points to the front; metres.
"""

import numpy as np

from hdray.signals.mesh import Mesh

SIDES = 16
"""Corners of the polygon that stands for a circle, where nothing else is said."""
X, Y, Z = np.eye(3)


def circle(sides: int = SIDES) -> np.ndarray:
    """The outline (sides, 2) of a circle of diameter 1."""
    angles = 2 * np.pi * np.arange(sides) / sides
    return 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def square() -> np.ndarray:
    """The outline (4, 2) of a square of edge 1."""
    return np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])


def superellipse(power: float, sides: int = 2 * SIDES) -> np.ndarray:
    """The outline (sides, 2) of |2x|^power + |2y|^power = 1: 2 is a circle, much more a square with rounded corners."""
    angles = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return 0.5 * np.sign(directions) * np.abs(directions) ** (2 / power)


def beam(start: np.ndarray, end: np.ndarray, start_size: float, end_size: float, is_round: bool) -> Mesh:
    """A straight bar between two points, square or round, `start_size` and `end_size` thick at its ends."""
    outline = circle() if is_round else square()
    return prism(outline * start_size, outline * end_size, start, end, *across(end - start))


def plank(start: np.ndarray, end: np.ndarray, start_width: float, end_width: float, thickness: float) -> Mesh:
    """A flat bar between two points, wide in x, `thickness` thick across."""
    outline = square()
    return prism(outline * [start_width, thickness], outline * [end_width, thickness], start, end, *across(end - start))


def slab(outline: np.ndarray, low: float, high: float, centre: tuple[float, float] = (0.0, 0.0)) -> Mesh:
    """A flat solid between two heights; its convex outline (n, 2) is in x and z around the centre."""
    x, z = centre
    return prism(outline, outline, np.array([x, low, z]), np.array([x, high, z]), X, Z)


def turned(radii: np.ndarray, heights: np.ndarray, sides: int = 2 * SIDES) -> Mesh:
    """A solid turned on a lathe about the y axis: `radii` (n,) above 0 at rising `heights` (n,), closed flat at both ends."""
    outline = 2 * circle(sides)
    rings = outline[None] * radii[:, None, None]  # (n, sides, 2)
    return loft(np.stack([rings[..., 0], np.repeat(heights[:, None], sides, axis=1), rings[..., 1]], axis=-1))


def shell(outer: np.ndarray, inner: np.ndarray, sides: int = 2 * SIDES) -> Mesh:
    """A wall turned about the y axis, open above and below: radius and height (n, 2) from its foot up, without and within."""
    outline = 2 * circle(sides)
    profile = np.concatenate([outer, inner[::-1]])  # (2n, 2), around the wall's section
    rings = np.stack(
        [
            outline[:, :1] * profile[:, 0],
            np.repeat(profile[None, :, 1], sides, axis=0),
            outline[:, 1:] * profile[:, 0],
        ],
        axis=-1,
    )  # (sides, 2n, 3)
    return loft(rings, closed=True)


def tube(path: np.ndarray, sizes: np.ndarray, outline: np.ndarray) -> Mesh:
    """A bent bar along the points (n, 3) of a path in a plane of constant z, `sizes` (n,) thick."""
    along = np.gradient(path, axis=0)
    normals = np.cross(along, Z)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rings = outline[None] * sizes[:, None, None]
    return loft(path[:, None] + rings[..., :1] * normals[:, None] + rings[..., 1:] * Z)


def across(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across a direction, the first as near to x as it can be."""
    direction = direction / np.linalg.norm(direction)
    helper = X if abs(direction[0]) < 0.9 else Y
    first = helper - (helper @ direction) * direction
    first = first / np.linalg.norm(first)
    return first, np.cross(direction, first)


def prism(
    start_outline: np.ndarray,
    end_outline: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> Mesh:
    """The watertight solid between two convex outlines (n, 2), given in the axes (first, second) around start and end."""
    axes = np.stack([first, second])
    return loft(np.stack([start + start_outline @ axes, end + end_outline @ axes]))


def loft(rings: np.ndarray, closed: bool = False) -> Mesh:
    """The watertight solid through rings (m, n, 3): each joined to the next by triangles.

    The first and the last, which are convex, are filled; of a `closed` one, the last is joined to the first instead.
    """
    many, count = rings.shape[:2]
    low = np.arange(count)
    following = (low + 1) % count
    walls = []
    for ring in range(many if closed else many - 1):
        here, there = ring * count, (ring + 1) % many * count
        walls += [
            np.stack([low + here, following + here, following + there], axis=1),
            np.stack([low + here, following + there, low + there], axis=1),
        ]
    fan = np.stack([np.zeros(count - 2, dtype=int), low[1:-1], low[2:]], axis=1)
    ends = [] if closed else [fan[:, ::-1], fan + (many - 1) * count]
    vertices, faces = rings.reshape(-1, 3), np.concatenate(walls + ends)
    corners = vertices[faces]
    volume = np.einsum("fd,fd->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    if volume < 0:  # the rings run the other way round
        faces = faces[:, ::-1]
    return Mesh(vertices, faces.astype(np.int64))


def mirrored(mesh: Mesh) -> Mesh:
    """The solid on the other side of the plane x = 0."""
    return Mesh(mesh.vertices * [-1.0, 1.0, 1.0], mesh.faces[:, ::-1])
