"""The denoising network of the point-cloud baseline: points that exchange what they know through a few latents.

Point-cloud diffusion (DPC: Luo and Hu 2021, PVD: Zhou et al. 2021) needs a network that treats points alike, in any
order, and gives each the context of all. Attention between all 2,048 is 4 million pairs a layer; here, as in set
transformers (Lee et al. 2019), points are read by a small set of latents, which attend to each other and are read by
the points. Points are narrow and latents wide, so weights are many and the work a point costs is little: 8 w^2 products
a round for points of width w.

Shapes: B clouds, P points, D = 3P, L latents, W width of a latent, w = W / 4 of a point.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hdray.fields.encoding import encode_positions, features_per_coordinate
from hdray.generators.settings import GeneratorSettings
from hdray.generators.time_embedding import TimeEmbedding
from hdray.generators.transformer import Block

LATENTS = 32
NARROWER = 4
"""How many times narrower a point is than a latent."""
OCTAVES = 4
"""Octaves of the sines and cosines that points enter as, from 1 radian for a unit of the scaled coordinates."""


class PointTransformer(nn.Module):
    """Maps noisy clouds and their diffusion step to clouds; permuting the points permutes the result alike."""

    def __init__(self, settings: GeneratorSettings) -> None:
        """Raises ValueError where the width is not a multiple of 4 heads."""
        super().__init__()
        width, heads = settings.width, settings.heads
        if width % (NARROWER * heads):
            raise ValueError(f"width {width} is not a multiple of {NARROWER * heads}, {NARROWER} times the heads")
        point = width // NARROWER
        self.time = TimeEmbedding(width)
        self.input = nn.Linear(3 * features_per_coordinate(OCTAVES), point)
        self.time_of_points = nn.Linear(width, point)
        self.latents = nn.Parameter(torch.zeros(LATENTS, width))
        self.rounds = nn.ModuleList(Round(width, point, heads) for _ in range(settings.layers))
        self.norm_out = nn.LayerNorm(point)
        self.output = nn.Linear(point, 3)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every matrix from N(0, 1 / inputs), latents from N(0, 1); the output is zero."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    module.weight.normal_(std=1 / math.sqrt(module.in_features), generator=generator)
                    module.bias.zero_()
            self.latents.normal_(generator=generator)
            self.output.weight.zero_()

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """noisy (B, D) and integer timestep (B,) to (B, D), in the precision of the weights."""
        cloud = noisy.view(len(noisy), -1, 3)
        features = encode_positions(cloud.float(), OCTAVES, 1.0).flatten(2).to(self.latents.dtype)
        time = self.time(timestep).unsqueeze(1)  # (B, 1, W)
        points = self.input(features) + self.time_of_points(time)  # (B, P, w)
        latents = self.latents + time  # (B, L, W)
        for round_ in self.rounds:
            points, latents = round_(points, latents)
        return self.output(self.norm_out(points)).flatten(1)


class Round(nn.Module):
    """Latents read the points and think; points read the latents and think."""

    def __init__(self, width: int, point: int, heads: int) -> None:
        super().__init__()
        self.gather = CrossAttention(width, point, heads, point)
        self.think = Block(width, heads)
        self.spread = CrossAttention(point, width, heads, point)
        self.norm = nn.LayerNorm(point)
        self.expand = nn.Linear(point, 2 * point)
        self.contract = nn.Linear(2 * point, point)

    def forward(self, points: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, P, w) and latents (B, L, W) to the same."""
        latents = self.think(latents + self.gather(latents, points))
        points = points + self.spread(points, latents)
        return points + self.contract(functional.gelu(self.expand(self.norm(points)))), latents


class CrossAttention(nn.Module):
    """Tokens of one width read tokens of another, in `inner` dimensions; both are normalised first."""

    def __init__(self, reader: int, read: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_reader, self.norm_read = nn.LayerNorm(reader), nn.LayerNorm(read)
        self.query = nn.Linear(reader, inner)
        self.key_value = nn.Linear(read, 2 * inner)
        self.projection = nn.Linear(inner, reader)

    def forward(self, reader: Tensor, read: Tensor) -> Tensor:
        """(B, N, reader) and (B, M, read) to what is read, (B, N, reader)."""
        query = self._split(self.query(self.norm_reader(reader)))
        key, value = (self._split(part) for part in self.key_value(self.norm_read(read)).chunk(2, dim=-1))
        attended = functional.scaled_dot_product_attention(query, key, value)  # (B, heads, N, inner / heads)
        return self.projection(attended.transpose(1, 2).flatten(2))

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, N, inner) to (B, heads, N, inner / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
