"""HyperDiffusion's published grid, for comparing surfaces and numbers with its code's; never for anything else.

Its code (sdf_meshing.py) takes the indices of grid point i, of N^3 in order, by true division: z = i mod N, y = (i / N)
mod N, x = (i / N^2) mod N, so y and x keep fractions. A value thus belongs to a place up to one cell beyond the grid
point that marching cubes is told, and the surface is sheared: displaced by up to one cell towards smaller y, the more
the larger its z, and as much towards smaller x, the more the larger its y; not in z.
"""

import torch
from torch import Tensor

from hdray.surfaces.grid import Evaluate, Field, evaluator


def legacy_evaluator(field: Field, theta: Tensor, resolution: int, device: torch.device, precision: str) -> Evaluate:
    """As `grid_evaluator`, with the published places: R + 1 = N points along an edge, R cells of 1 / (N - 1)."""
    size = resolution + 1

    def place(indices: Tensor) -> Tensor:
        x, y, z = indices.unbind(dim=1)
        index = (x * size + y) * size + z  # the published order of points
        # True division gives float32, rounding included, as it did there.
        published = torch.stack([index / size / size % size, index / size % size, (index % size).float()], dim=1)
        return published / resolution - 0.5

    return evaluator(field, theta, place, device, precision)
