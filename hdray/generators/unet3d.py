"""The denoising 3D U-Net of the voxel baseline (HyperDiffusion, section 6.2).

An animation's frames are the channels of one grid: the paper uses the same 3D U-Net for 4D, a 4D one being intractable.
All sequences have the same number of frames at the same moments, so nothing is lost by giving each frame weights of its
own, every layer sees the whole motion, and 16 frames cost only a wider first and last convolution.

Shapes: B vectors, D voxels, T frames (1 for still shapes), R voxels an edge, p the patch, C channels, S = R / p places
along an edge of the finest level, n along an edge of any.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from hdray.generators.settings import GeneratorSettings
from hdray.generators.time_embedding import TimeEmbedding
from hdray.generators.transformer import Block

WIDTHS = (1, 2, 4)
"""Channels of the levels, finest first, in multiples of the width; each level has half the places of the one before."""
GROUPS = 8
"""Groups of channels that are normalised together, fewer where the channels do not divide."""


class UNet3D(nn.Module):
    """Maps noisy grids and their diffusion step to grids of the same size.

    Three levels of residual blocks, attention between all places of the lowest. A place of the finest level is a cube
    of p^3 voxels; p = 2 costs an eighth of p = 1.
    """

    def __init__(self, shape: Sequence[int], settings: GeneratorSettings) -> None:
        """`shape`: (R, R, R), or (T, R, R, R). Raises ValueError where R is not a multiple of 4p."""
        super().__init__()
        self.frames = shape[0] if len(shape) == 4 else 1
        self.patch = settings.patch
        multiple = self.patch * 2 ** (len(WIDTHS) - 1)
        if len(set(shape[-3:])) != 1 or shape[-1] % multiple:
            raise ValueError(f"a grid of {tuple(shape)}; its edges must be equal and a multiple of {multiple}")
        self.places = shape[-1] // self.patch
        widths = [settings.width * times for times in WIDTHS]
        time = 4 * settings.width
        channels = self.frames * self.patch**3
        self.time = TimeEmbedding(time)
        self.input = nn.Conv3d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_level(width, width, time, settings.layers) for width in widths[:-1])
        self.coarsen = nn.ModuleList(
            nn.Conv3d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(widths)
        )
        lowest = (self.places // 2 ** (len(WIDTHS) - 1)) ** 3
        self.positions = nn.Parameter(torch.zeros(lowest, widths[-1]))
        self.before = _level(widths[-1], widths[-1], time, settings.layers)
        self.attention = Block(widths[-1], settings.heads)
        self.after = _level(widths[-1], widths[-1], time, settings.layers)
        self.refine = nn.ModuleList(nn.Conv3d(coarse, fine, 3, padding=1) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(_level(2 * width, width, time, settings.layers) for width in widths[:-1])
        self.norm_out = _norm(widths[0])
        self.output = nn.Conv3d(widths[0], channels, 3, padding=1)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every matrix from N(0, 1 / inputs), with what ends a residual branch, and the output, zero."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv3d | nn.Linear):
                    module.weight.normal_(std=1 / math.sqrt(module.weight[0].numel()), generator=generator)
                    assert module.bias is not None
                    module.bias.zero_()
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    module.second.weight.zero_()
                elif isinstance(module, Block):
                    module.projection.weight.zero_()
                    module.contract.weight.zero_()
            self.output.weight.zero_()

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """noisy (B, D) and integer timestep (B,) to (B, D), in the precision of the weights."""
        time = self.time(timestep)
        grid = self.input(self._to_places(noisy.to(self.output.weight.dtype)))  # (B, C, S, S, S)
        passed = []
        for blocks, coarsen in zip(self.down, self.coarsen, strict=True):
            for block in blocks:  # type: ignore[attr-defined]  # each is a ModuleList
                grid = block(grid, time)
            passed.append(grid)
            grid = coarsen(grid)
        for block in self.before:
            grid = block(grid, time)
        tokens = self.attention(grid.flatten(2).transpose(1, 2) + self.positions)  # (B, places, C)
        grid = tokens.transpose(1, 2).reshape(grid.shape)
        for block in self.after:
            grid = block(grid, time)
        for blocks, refine, skip in reversed(list(zip(self.up, self.refine, passed, strict=True))):
            grid = torch.cat([refine(functional.interpolate(grid, scale_factor=2.0)), skip], dim=1)
            for block in blocks:
                grid = block(grid, time)
        return self._to_vectors(self.output(functional.silu(self.norm_out(grid))))

    def _to_places(self, vectors: Tensor) -> Tensor:
        """(B, D) to (B, T p^3, S, S, S)."""
        n, p = self.places, self.patch
        cut = vectors.view(len(vectors), self.frames, n, p, n, p, n, p)
        return cut.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(len(vectors), -1, n, n, n)

    def _to_vectors(self, places: Tensor) -> Tensor:
        """(B, T p^3, S, S, S) to (B, D)."""
        n, p = self.places, self.patch
        cut = places.view(len(places), self.frames, p, p, p, n, n, n)
        return cut.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(len(places), -1)


class ResidualBlock(nn.Module):
    """Two convolutions of 3^3, each after a group norm; the step scales and shifts what lies between them."""

    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.norm_first = _norm(inputs)
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(time, 2 * outputs)
        self.norm_second = _norm(outputs)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, grid: Tensor, time: Tensor) -> Tensor:
        """(B, C_in, n, n, n) and the step's vectors (B, time) to (B, C_out, n, n, n)."""
        scale, shift = self.modulation(functional.silu(time))[..., None, None, None].chunk(2, dim=1)
        hidden = self.first(functional.silu(self.norm_first(grid)))
        hidden = self.norm_second(hidden) * (1 + scale) + shift
        return self.skip(grid) + self.second(functional.silu(hidden))


def _level(inputs: int, outputs: int, time: int, count: int) -> nn.ModuleList:
    """`count` residual blocks, the first from `inputs` channels."""
    return nn.ModuleList(ResidualBlock(outputs if index else inputs, outputs, time) for index in range(count))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)
