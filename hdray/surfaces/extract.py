"""From a fitted or generated vector to a triangle mesh."""

import math

import numpy as np
import torch
from torch import Tensor

from hdray.errors import UserError
from hdray.generators.settings import LARGEST_RESOLUTION
from hdray.signals.mesh import Mesh
from hdray.surfaces.coarse_to_fine import coarse_to_fine_volume
from hdray.surfaces.grid import Field, dense_volume, grid_evaluator
from hdray.surfaces.legacy_grid import legacy_evaluator
from hdray.surfaces.polygonise import EmptySurface, polygonise
from hdray.threads import one_thread


def extract(
    field: Field,
    theta: Tensor,
    *,
    resolution: int = 128,
    level: float = 0.5,
    method: str = "coarse-to-fine",
    legacy_grid: bool = False,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
) -> Mesh | EmptySurface:
    """The surface where the field of theta (D,) has occupancy probability `level`, inside the box [-0.5, 0.5]^3.

    `resolution` cells along each edge of the box; `method` "coarse-to-fine" (see coarse_to_fine_volume for when it may
    differ) or "dense"; `legacy_grid` (dense only) shears the grid as HyperDiffusion's code does. The mesh is closed and
    its faces are counter-clockwise from outside. A field without a surface gives an EmptySurface that says why. In bf16
    surfaces differ visibly from fp32 ones, so fp32 is the default. One shape at a time: a shape's grid fills a
    processor, and marching cubes, which is not batched, takes longer.
    """
    if not 1 <= resolution <= LARGEST_RESOLUTION:
        raise UserError(
            f"A mesh cannot be extracted at resolution {resolution}: "
            f"the grid must have between 1 and {LARGEST_RESOLUTION} cells along an edge."
        )
    device = torch.device(device)
    if not theta.isfinite().all():
        return EmptySurface("the vector holds numbers that are not finite")
    logit = logit_of(level)
    if legacy_grid and method != "dense":
        raise UserError(f"The legacy grid has no extraction method {method!r}: it must be dense.")
    evaluator_of = legacy_evaluator if legacy_grid else grid_evaluator
    evaluate = evaluator_of(field, theta, resolution, device, precision)
    with one_thread():  # all but the field itself, which uses as many threads as torch may
        if method == "coarse-to-fine":
            volume = coarse_to_fine_volume(evaluate, resolution, logit, device)
        elif method == "dense":
            volume = dense_volume(evaluate, resolution, device)
        else:
            raise UserError(f"There is no extraction method {method!r}: it must be coarse-to-fine or dense.")
        return polygonise(volume, logit)


def logit_of(probability: float) -> float:
    """log(p / (1 - p)), rounded to float32, so that comparing it with float32 logits is the same everywhere."""
    return float(np.float32(math.log(probability / (1 - probability))))
