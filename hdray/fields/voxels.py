"""The field of the voxel baseline: a grid of logits, read linearly between the centres of its voxels.

HyperDiffusion, section 6.2: 24^3 voxels, or a grid of them for each of 16 frames. Shapes in comments: K instances, D
voxels, P points, d coordinates (x, y, z, and time last).
"""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from hdray.fields.field import check_call
from hdray.fields.layout import Layout, Piece
from hdray.fields.settings import VoxelSettings


class VoxelField:
    """Functions over [-0.5, 0.5]^d indexed by R^3 logits (T x R^3 with frames), the last axis, z, varying fastest.

    Voxel i of n along an axis is the cell from i / n - 0.5 to (i + 1) / n - 0.5 and its logit that of the cell's centre;
    frames lie along time in the same way. Between centres logits are linear in each coordinate; beyond the outermost
    centres, and so beyond the box, they are constant.
    """

    channels = 1

    def __init__(self, settings: VoxelSettings, frames: int = 0) -> None:
        """`frames`: T of an animation, whose time is a fourth coordinate; 0 for still shapes."""
        if frames == 1:
            raise ValueError("an animation has two frames or more; a still shape has 0")
        self.settings = settings
        self.frames = frames
        self.dimension = 4 if frames else 3
        space = (settings.voxels,) * 3
        self.shape = (frames, *space) if frames else space
        axes = ("t", "x", "y", "z") if frames else ("x", "y", "z")
        size = torch.Size(self.shape).numel()
        self.layout = Layout((Piece("grid", 0, "grid", self.shape, axes, 0, size),))

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, 1) in float32 of grids theta (K, D) at coords (K, P, d); differentiable in both.

        `precision` is that of matrix products in other fields; there are none here, reading is always float32.
        """
        check_call(theta, coords, self.layout.size, self.dimension)
        logits = torch.zeros(coords.shape[:2], device=theta.device)
        for index, weight in self.corners(coords):
            logits = logits + weight * theta.float().gather(1, index)
        return logits.unsqueeze(-1)

    def corners(self, coords: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The 2^d voxels that each of coords (K, P, d) lies between: entries of theta (K, P) int64, and weights (K, P).

        The weights of a point are at least 0 and sum to 1. One corner at a time, so that memory stays at K x P.
        """
        # In the order of the grid's axes: time comes last in coordinates and first in the grid.
        ordered = coords.float().roll(1, dims=-1) if self.dimension == 4 else coords.float()
        sizes = torch.tensor(self.shape, device=coords.device)
        place = ((ordered + 0.5) * sizes - 0.5).clamp(min=torch.zeros_like(sizes), max=sizes - 1)
        low = torch.minimum(place.detach().long(), sizes - 2)  # (K, P, d): truncated, which rounds down from 0 on
        above = place - low
        for corner in product((0, 1), repeat=self.dimension):
            index = torch.zeros_like(low[..., 0])
            weight = torch.ones_like(place[..., 0])
            for axis, (size, step) in enumerate(zip(self.shape, corner, strict=True)):
                index = index * size + (low[..., axis] + step)
                weight = weight * (above[..., axis] if step else 1 - above[..., axis])
            yield index, weight

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (D,) of zeros, probability one half everywhere: a grid has no symmetry that a draw must break."""
        return torch.zeros(self.layout.size)
