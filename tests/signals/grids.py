"""Solids on a grid, and how many bodies, tunnels and cavities they have."""

import igl
import numpy as np
from scipy import ndimage

from hdray.signals.mesh import Mesh


def solid(mesh: Mesh, cells: int = 48) -> np.ndarray:
    """Whether the middles of cubes lie inside, (x, y, z): `cells` cubes along the longest edge of the bounding box."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    step = mesh.longest_edge / cells
    axes = [np.arange(low[k] + 0.37 * step, high[k], step) for k in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    winding = igl.fast_winding_number(mesh.vertices, mesh.faces, grid.reshape(-1, 3))
    return np.asarray(winding > 0.5).reshape(grid.shape[:3])


def bodies(labels: np.ndarray) -> int:
    """How many pieces there are; cubes that touch in a corner are one."""
    return int(ndimage.label(labels, structure=np.ones((3, 3, 3)))[1])


def euler_characteristic(labels: np.ndarray) -> int:
    """Bodies minus tunnels plus cavities: corners minus edges plus squares minus cubes of all cubes together."""
    padded = np.pad(labels, 1)
    total = 0
    for axes in np.ndindex(2, 2, 2):  # along which axes a cell has an extent
        present = padded
        for axis, extends in enumerate(axes):
            if not extends:  # a cell between two others belongs to both
                ahead, behind = [slice(None)] * 3, [slice(None)] * 3
                ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
                present = present[tuple(ahead)] | present[tuple(behind)]
        total += (-1) ** sum(axes) * int(present.sum())
    return total
