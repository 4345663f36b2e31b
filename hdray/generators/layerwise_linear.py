"""Linear maps of layers that have the same shape, as one batched matrix product."""

import torch
from torch import Tensor, nn


class LayerwiseLinear(nn.Module):
    """A bias-free Linear of its own for each of L layers: entries of different layers mean different things."""

    def __init__(self, layers: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(layers, inputs, outputs))

    def initialise(self, generator: torch.Generator, deviation: float) -> None:
        """Draw every entry from N(0, deviation^2)."""
        with torch.no_grad():
            self.weight.normal_(std=deviation, generator=generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, N, inputs) to (B, L, N, outputs)."""
        return torch.einsum("blni,lio->blno", tokens, self.weight)
