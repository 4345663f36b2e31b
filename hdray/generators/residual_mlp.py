"""The denoiser of latents: a residual MLP with the skips of a U-Net (mNIF's, after Functa; You et al. 2023, appendix A.3).

Two linear layers a block, as many blocks down as up, and every block on the way up also sees what entered its partner on
the way down. Nothing changes its width, so the skips are sums. With 512 entries, width 4,096 and 8 blocks (the published
code; 4 in the paper) it has 274,981,504 parameters.

Shapes: B vectors, D entries, W width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hdray.generators.settings import GeneratorSettings
from hdray.generators.time_embedding import TimeEmbedding

GROUPS = 16
"""Groups of the norms, which the width must be a multiple of."""
TIME_WIDTH = 64
"""Entries of the embedded diffusion step."""


class ResidualMLP(nn.Module):
    """Maps a noisy vector and its diffusion step to a vector of the same size."""

    def __init__(self, size: int, settings: GeneratorSettings) -> None:
        """`size`: D. Raises ValueError for a width that the groups do not divide, or an odd number of blocks."""
        super().__init__()
        if settings.width % GROUPS:
            raise ValueError(f"width {settings.width} is not a multiple of {GROUPS}, the groups of the norms")
        if settings.layers % 2:
            raise ValueError(f"{settings.layers} blocks cannot be divided into as many down as up")
        self.time = TimeEmbedding(TIME_WIDTH)
        self.input = nn.Linear(size, settings.width)
        self.blocks = nn.ModuleList(ResidualBlock(settings.width) for _ in range(settings.layers))
        self.norm_out = nn.GroupNorm(GROUPS, settings.width)
        self.output = nn.Linear(settings.width, size)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every matrix from N(0, 2 / inputs), as the code does; biases are zero, and blocks the identity."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    module.weight.normal_(std=math.sqrt(2 / module.in_features), generator=generator)
                    module.bias.zero_()
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    module.contract.weight.zero_()

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """noisy (B, D) and integer timestep (B,) to (B, D), in the precision of the weights."""
        time = functional.silu(self.time(timestep))  # (B, 64)
        hidden = self.input(noisy.to(self.input.weight.dtype))  # (B, W)
        entered = []
        for index, block in enumerate(self.blocks):
            if index < len(self.blocks) // 2:
                entered.append(hidden)
            else:
                hidden = hidden + entered.pop()
            hidden = block(hidden, time)
        return self.output(functional.silu(self.norm_out(hidden)))


class ResidualBlock(nn.Module):
    """Norm, SiLU and linear twice, with the step added between, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(GROUPS, width)
        self.expand = nn.Linear(width, width)
        self.step = nn.Linear(TIME_WIDTH, width)
        self.norm_middle = nn.GroupNorm(GROUPS, width)
        self.contract = nn.Linear(width, width)

    def forward(self, hidden: Tensor, time: Tensor) -> Tensor:
        """hidden (B, W) and the embedded step (B, 64) to (B, W)."""
        inner = self.expand(functional.silu(self.norm_in(hidden))) + self.step(time)
        return hidden + self.contract(functional.silu(self.norm_middle(inner)))
