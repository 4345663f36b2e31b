"""Where a mesh is put before it is sampled (HyperDiffusion, section 4: the paper and its code differ)."""

import numpy as np

from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected

MEAN_EXTENT = 0.475
"""Largest absolute coordinate in the code's normalisation."""


def place(mesh: Mesh, mode: str) -> Mesh:
    """`mesh` moved and scaled by one factor.

    "box" (the paper): the bounding box is centred at the origin and its longest edge becomes 1. "mean" (the code): the
    mean of the vertices becomes the origin and the largest absolute coordinate 0.475.
    Raises Rejected when all vertices are one point.
    """
    vertices = mesh.vertices
    if mode == "box":
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        centred = vertices - 0.5 * (low + high)
        size = float((high - low).max())
    elif mode == "mean":
        centred = vertices - vertices.mean(axis=0)
        size = float(np.abs(centred).max()) / MEAN_EXTENT
    else:
        raise ValueError(f"normalisation = {mode!r} is not known; it must be box or mean")
    if not size > 0:
        raise Rejected("all its vertices are one point, so it has no size")
    return Mesh(centred / size, mesh.faces)
