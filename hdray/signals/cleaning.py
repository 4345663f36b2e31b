"""Cleaning: what no solid needs is dropped before orientation is looked at."""

import numpy as np

from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected

WELD_DISTANCE = 1e-6
"""Vertices closer than about this share of the longest box edge are one vertex."""
SMALLEST_HEIGHT = 1e-9
"""Faces with less area than a square of this share of the longest box edge have no area."""


def clean(mesh: Mesh) -> tuple[Mesh, list[str]]:
    """`mesh` without non-finite vertices, doubled vertices, degenerate and duplicate faces, and what was done.

    Raises Rejected when nothing is left.
    """
    done: list[str] = []
    vertices, faces = mesh.vertices, mesh.faces

    finite = np.isfinite(vertices).all(axis=1)
    usable = finite[faces].all(axis=1)
    if not usable.all():
        done.append("non-finite vertices dropped")
        faces = faces[usable]
    if len(faces) == 0:
        raise Rejected("every face has a vertex that is not a finite number")

    used = np.unique(faces)
    low, high = vertices[used].min(axis=0), vertices[used].max(axis=0)
    with np.errstate(over="ignore"):
        size = float((high - low).max())
    if not size > 0:
        raise Rejected("all its vertices are one point, so it has no size")
    if not np.isfinite(size):
        raise Rejected("its vertices are farther apart than a number can say")
    keys = np.round((vertices[used] - low) / (size * WELD_DISTANCE)).astype(np.int64)
    _, first, welded = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    renumber = np.full(len(vertices), -1, dtype=np.int64)
    renumber[used] = welded.reshape(-1)
    vertices, faces = vertices[used][first], renumber[faces]

    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    solid = distinct & (Mesh(vertices, faces).areas > SMALLEST_HEIGHT * SMALLEST_HEIGHT * size * size)
    if not solid.all():
        done.append("degenerate faces dropped")
        faces = faces[solid]
    if len(faces) == 0:
        raise Rejected("every face is degenerate (without area)")

    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    if len(first) < len(faces):
        done.append("duplicate faces dropped")
        faces = faces[np.sort(first)]
    return without_unused_vertices(Mesh(vertices, faces)), done


def without_unused_vertices(mesh: Mesh) -> Mesh:
    """The same faces with only the vertices they use, in the same order."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    return Mesh(mesh.vertices[used], faces.reshape(-1, 3).astype(np.int64))
