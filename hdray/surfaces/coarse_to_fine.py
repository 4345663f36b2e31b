"""The volume of a field evaluated only near its surface: every other point holds a value of the right sign.

A coarse lattice (every `stride`-th grid point) is evaluated whole. Then, halving the stride each time, only those
lattice cells are refined that the surface passes through or may pass through: a cell is left alone where the level is
farther from the values at its corners than REACH times the largest difference across any cell next to it. Points that
nobody evaluates copy a corner of their cell.
"""

import torch
from torch import Tensor

from hdray.surfaces.grid import Evaluate

# At least this many cells along an edge of the box in the first lattice.
START_CELLS = 64
# How far from the level a cell's values may be for it to be refined, in differences across the cells around it. On
# fields fitted to real airplanes, 256^3, levels 0.5 and 0.8: at 0.1 all six lost 170 to 5,900 grid points, at 0.25 they
# lost 1 to 62, at 0.5 and above none lost any. (Refining the cells with corners on both sides of the level and one or
# two cells around them lost 50 to 400, the rims of thin wings, for as many evaluations as 0.5.)
REACH = 0.75


def coarse_to_fine_volume(evaluate: Evaluate, resolution: int, level: float, device: torch.device) -> Tensor:
    """Volume (R + 1, R + 1, R + 1) that gives the dense grid's mesh, bit for bit, for a fraction of the work.

    It can differ where a piece of the shape (or a hole) falls between the points of a coarse lattice and the field
    around it is so flat there that nothing hints at it: a feature thinner than 1 / START_CELLS of the box whose
    walls are steeper than what the lattice sees beside it. A floating speck of a few fine cells is the likeliest.
    Fields fitted to airplanes and chairs, and such fields with noise on their weights, had no difference (the tests and
    benchmarks/mesh.py compare). Where it must not happen, the dense grid is there.
    """
    stride = first_stride(resolution)
    blocks = -(-resolution // stride)  # cells of the first lattice along an edge; the last may reach past the box
    along = (torch.arange(blocks + 1, device=device) * stride).clamp(max=resolution)
    volume = evaluate(torch.cartesian_prod(along, along, along)).reshape((blocks + 1,) * 3)
    while stride > 1:
        stride //= 2
        volume, wanted = refine(volume, cells_within_reach(volume, level))
        points = wanted.nonzero()  # (P, 3)
        # Indices past the box are moved onto its border: the lattice is cut there in the end.
        volume[wanted] = evaluate((points * stride).clamp(max=resolution))
    size = resolution + 1
    return volume[:size, :size, :size]


def first_stride(resolution: int) -> int:
    """The largest power of two that leaves at least START_CELLS cells along an edge; 1 on coarser grids."""
    stride = 1
    while resolution // (2 * stride) >= START_CELLS:
        stride *= 2
    return stride


def cells_within_reach(volume: Tensor, level: float) -> Tensor:
    """Which cells (C, C, C) of a lattice of values (C + 1, C + 1, C + 1) the surface at `level` may pass through."""
    highest = lowest = volume
    for dim in range(3):  # over the two ends of each cell's edges: over its corners in the end
        cells = volume.shape[dim] - 1
        highest = torch.maximum(highest.narrow(dim, 0, cells), highest.narrow(dim, 1, cells))
        lowest = torch.minimum(lowest.narrow(dim, 0, cells), lowest.narrow(dim, 1, cells))
    difference = highest - lowest
    for dim in range(3):  # the largest of a cell and its 26 neighbours
        cells = difference.shape[dim]
        largest = difference.clone()
        for source, target in ((0, 1), (1, 0)):
            part = largest.narrow(dim, target, cells - 1)
            torch.maximum(part, difference.narrow(dim, source, cells - 1), out=part)
        difference = largest
    distance = torch.maximum(lowest - level, level - highest)  # negative where the corners are on both sides
    return distance <= REACH * difference


def refine(volume: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """The lattice of half the stride, (2C + 1,) * 3: values copied from the coarse one, and points to evaluate."""
    cells = active.shape[0]
    fine = torch.arange(2 * cells + 1, device=volume.device)
    # Fine point p lies in coarse cells (p - 1) // 2 and p // 2, which are the same one for an odd p.
    before, after = ((fine - 1) // 2).clamp(min=0), (fine // 2).clamp(max=cells - 1)
    for dim in range(3):
        volume = volume.index_select(dim, fine // 2)
        active = active.index_select(dim, before) | active.index_select(dim, after)
    active[::2, ::2, ::2] = False  # the coarse lattice's own points have their values
    return volume, active
