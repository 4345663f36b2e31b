"""Points on a mesh's surface, spread evenly over its area: what meshes are compared by."""

import numpy as np

from hdray.signals.mesh import Mesh


def surface_points(mesh: Mesh, count: int, stream: np.random.Generator) -> np.ndarray:
    """`count` points (P, 3) float32 drawn uniformly over the area of the faces.

    Raises ValueError for a mesh without area.
    """
    reached = np.cumsum(mesh.areas)
    if not len(reached) or not reached[-1] > 0:
        raise ValueError("points cannot be drawn on a mesh whose faces have no area")
    # side="right" and a draw below the total: a face without area is never chosen.
    draws = np.minimum(stream.random(count) * reached[-1], np.nextafter(reached[-1], 0))
    corners = mesh.corners[np.searchsorted(reached, draws, side="right")]  # (P, 3 corners, 3)
    # Uniform in a triangle: the square root spreads the first coordinate by the width that is left.
    root, along = np.sqrt(stream.random(count))[:, None], stream.random(count)[:, None]
    points = (1 - root) * corners[:, 0] + root * (1 - along) * corners[:, 1] + root * along * corners[:, 2]
    return points.astype(np.float32)
