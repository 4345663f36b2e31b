"""Labelled points to voxels: the fitting of the voxel baseline, in a few sweeps over the points.

Every point shares its label among the voxels it lies between, with the weights that reading uses, and a voxel's
probability is the weighted mean of the labels it was given. That smooths the shape by a voxel, so further sweeps share
out in the same way what reading the grid at the points misses of their labels. Sums are of whole numbers, so a grid
does not depend on the order of the points, on the device, or on the other shapes of the batch. A sweep over 200,000
points reads and writes 8 voxels for each and is bound by memory.

On 12 procedural chairs, 24^3 voxels, mean IoU on fresh points (uniform, near the surface) after 1 sweep 0.799 and 0.617,
2: 0.854 and 0.702, 3: 0.877 and 0.741, 4: 0.871 and 0.736, 6: 0.843 and 0.696. Counting the labels in each voxel
instead gave 0.742 and 0.536.

The frames of an animation are voxelised as if each were a shape: a frame's time is the centre of its voxels along time.

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
SWEEPS = 3
"""The first shares out the labels, the others what is still missing of them."""
ONE = 2**24
"""The whole number that stands for a weight of 1: a float32 weight is rounded by 3e-8, and 2^39 points would fit."""


def voxelise(
    field: VoxelField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Grids of logits (K, D) float32, on the CPU, within LOGIT_BOUND of zero.

    Points beyond the box belong to no voxel and count for none. A voxel that no point counts for takes the mean of its
    neighbours in its frame that have a probability, layer by layer; a frame without any point is outside everywhere.

    Args:
        points: (K, N, 3) uint16 codes; of animations N/T of each frame, frame after frame.
        labels: (K, N/8) uint8, packed.

    Raises:
        ValueError: the points cannot be divided among the frames.
    """
    frames = field.frames or 1
    if points.shape[1] % frames:
        raise ValueError(f"{points.shape[1]} points cannot be divided among {frames} frames")
    count = (len(points) * frames, points.shape[1] // frames)  # from here on a frame is an instance
    coords = decode(torch.as_tensor(points)).to(device).reshape(*count, 3)  # (K * T, N / T, 3)
    inside = unpack(torch.as_tensor(labels)).float().to(device).reshape(count)  # (K * T, N / T)
    counted = (coords.abs() <= 0.5).all(dim=-1) * ONE  # (K * T, N / T)
    frame = VoxelField(field.settings)
    given = _shared_out(frame, coords, counted)  # (K * T, R^3)
    probability = torch.zeros(given.shape, dtype=torch.float64, device=given.device)
    for sweep in range(SWEEPS):
        missed = inside if sweep == 0 else inside - frame(probability, coords).squeeze(-1)
        probability += _shared_out(frame, coords, missed * counted) / given.clamp_min(1)
    grids = (-1, 1, *frame.shape)  # (K * T, 1, R, R, R)
    filled = _fill(probability.view(grids), (given > 0).view(grids)).view(len(points), -1)  # (K, D)
    # In float64: logarithms of float32 may differ in the last bit with a voxel's place in memory.
    return torch.logit(filled.clamp(1e-6, 1 - 1e-6)).clamp(-LOGIT_BOUND, LOGIT_BOUND).float().cpu()


def _shared_out(field: VoxelField, coords: Tensor, amounts: Tensor) -> Tensor:
    """What each voxel gets, (K, D) int64, of amounts (K, N) at coords (K, N, d)."""
    given = torch.zeros(len(coords), field.layout.size, dtype=torch.int64, device=coords.device)
    for index, weight in field.corners(coords):
        given.scatter_add_(1, index, (weight * amounts).round().long())
    return given


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
