"""Triangles of a volume of logits by marching cubes (PyMCubes), closed at the box."""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from hdray.signals.mesh import Mesh

# The value of everything beyond the box: so far below any logit that a solid cut by the box ends on its border exactly.
OUTSIDE = -1e30


@dataclass(frozen=True)
class EmptySurface:
    """A field without a surface; `reason` is for a person. To be counted and reported, not to be dropped."""

    reason: str


def polygonise(volume: Tensor, level: float) -> Mesh | EmptySurface:
    """The surface at logit `level` of a volume (R + 1, R + 1, R + 1) over the unit box, axes x, y, z; above is inside.

    Faces are counter-clockwise from outside. A solid that reaches the border of the box is closed there, so the mesh is
    always closed. Only the bounding box of the inside is handed to marching cubes, which needs 28 bytes a cell.
    """
    import mcubes

    resolution = volume.shape[0] - 1
    lowest, highest = (float(value) for value in volume.aminmax())  # NaN where any value is
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        return EmptySurface("the field's values are not all finite numbers")
    if highest <= level:
        return EmptySurface("the field is below the level at every grid point")
    inside = volume > level
    ranges = [occupied_range(inside, dim) for dim in range(3)]
    # One layer around the inside, so that its surface is inside the part; beyond the box that layer is OUTSIDE.
    part = np.full([stop - start + 2 for start, stop in ranges], OUTSIDE, dtype=np.float32)
    kept = [(max(start - 1, 0), min(stop + 1, resolution + 1)) for start, stop in ranges]
    place = tuple(
        slice(low - start + 1, high - start + 1) for (start, _), (low, high) in zip(ranges, kept, strict=True)
    )
    part[place] = volume[tuple(slice(low, high) for low, high in kept)].cpu().numpy()
    vertices, faces = mcubes.marching_cubes(part, level)
    first = np.array([start - 1 for start, _ in ranges])
    vertices = (vertices + first) / resolution - 0.5
    return weld_at_box(Mesh(vertices, faces.astype(np.int64)))


def occupied_range(inside: Tensor, dim: int) -> tuple[int, int]:
    """First index along `dim` with any true value, and one past the last."""
    others = tuple(other for other in range(3) if other != dim)
    places = inside.any(dim=others).nonzero()
    return int(places[0]), int(places[-1]) + 1


def weld_at_box(mesh: Mesh) -> Mesh:
    """Merge the vertices that coincide on the edges of the box, and drop the faces without area between them.

    A grid point on an edge of the box has two or three ways out of it, each with a vertex in the same place.
    """
    on_edge = np.flatnonzero((np.abs(mesh.vertices) == 0.5).sum(axis=1) >= 2)
    if not len(on_edge):
        return mesh
    _, first, inverse = np.unique(mesh.vertices[on_edge], axis=0, return_index=True, return_inverse=True)
    target = np.arange(len(mesh.vertices))
    target[on_edge] = on_edge[first][inverse]
    kept, renumbered = np.unique(target, return_inverse=True)
    faces = renumbered[mesh.faces]
    whole = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return Mesh(mesh.vertices[kept], faces[whole])
