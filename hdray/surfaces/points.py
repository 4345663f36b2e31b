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
    return mesh.points_on(np.searchsorted(reached, draws, side="right"), stream).astype(np.float32)
