"""Labelled points to voxels: the fitting of the voxel baseline, in one pass and without descent.

Every point shares its label among the voxels it lies between, with the weights that reading uses, and a voxel's
probability is the weighted mean of the labels it was given. Sums are of whole numbers, so a grid does not depend on the
order of the points, on the device, or on the other shapes of the batch. A shape of 200,000 points costs 8 passes
over them: 13 million additions, bound by memory.

Shapes in comments: K instances, D voxels, N points stored per instance, T frames (1 for still shapes), R voxels an edge.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

from hdray.fields.voxels import VoxelField
from hdray.signals.points import decode, unpack

LOGIT_BOUND = 4.0
"""Largest logit either way, a probability of 0.018 or 0.982: what a voxel gets whose points all agree."""
ONE = 2**24
"""The whole number that stands for a weight of 1: a float32 weight is rounded by 3e-8, and 2^39 points would fit."""


def voxelise(
    field: VoxelField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> Tensor:
    """Grids of logits (K, D) float32, on the CPU, within LOGIT_BOUND of zero.

    Points beyond the box belong to no voxel and count for none. A voxel that no point counts for takes the mean of its
    neighbours in its frame that have a probability, layer by layer; a frame without any point is outside everywhere.

    Args:
        points: (K, N, 3) uint16 codes.
        labels: (K, N/8) uint8, packed.
        times: (T,) of animations, the time coordinate of each frame; points hold N/T of each, frame after frame.

    Raises:
        ValueError: the field has time and `times` is None, or the other way round.
    """
    if (field.dimension == 4) != (times is not None):
        raise ValueError(f"times go with a field of 4 coordinates, and this one has {field.dimension}")
    coords = decode(torch.as_tensor(points)).to(device)  # (K, N, 3)
    inside = unpack(torch.as_tensor(labels)).to(device)  # (K, N)
    counted = (coords.abs() <= 0.5).all(dim=-1) * ONE  # (K, N)
    if times is not None:
        moments = times.to(coords).repeat_interleave(coords.shape[1] // len(times))  # (N,)
        coords = torch.cat([coords, moments.expand(len(coords), -1).unsqueeze(-1)], dim=-1)
    given = torch.zeros(len(coords), field.layout.size, dtype=torch.int64, device=coords.device)  # (K, D)
    given_inside = torch.zeros_like(given)
    for index, weight in field.corners(coords):
        share = (weight * counted).round().long()
        given.scatter_add_(1, index, share)
        given_inside.scatter_add_(1, index, share * inside)
    known = given > 0
    # In float64: logarithms of float32 may differ in the last bit with a voxel's place in memory.
    probability = torch.where(known, given_inside.double() / given.clamp_min(1), 0.0)
    grids = (-1, 1, *field.shape[-3:])  # (K * T, 1, R, R, R)
    filled = _fill(probability.view(grids), known.view(grids)).view_as(probability)
    return torch.logit(filled).clamp(-LOGIT_BOUND, LOGIT_BOUND).float().cpu()


def _fill(probability: Tensor, known: Tensor) -> Tensor:
    """Probabilities (B, 1, R, R, R) with those not known taken from their neighbours, from the known ones outwards."""
    for _ in range(max(probability.shape)):  # enough to cross a grid
        if bool(known.all()):
            break
        near = avg_pool3d(known.double(), 3, stride=1, padding=1)
        mean = avg_pool3d(probability, 3, stride=1, padding=1) / near.clamp_min(1e-9)
        reached = ~known & (near > 0)
        probability = torch.where(reached, mean, probability)
        known = known | reached
    return probability
