"""The HyperDiffusion field: a ReLU MLP over positional encoding, K instances at once (section 4 of the paper).

Shapes in comments: K instances, D weights, P points, d coordinates, c channels, F features per coordinate.
"""

import math

import torch
from torch import Tensor

from hdray.fields.encoding import encode_positions, features_per_coordinate
from hdray.fields.field import check_call
from hdray.fields.layout import linear_layout
from hdray.fields.mlp_gradient import MLPGradient
from hdray.fields.precision import DTYPES
from hdray.fields.settings import MLPSettings


class MLPField:
    """Functions from coordinates to logits, indexed by a flat vector of weights in state_dict order.

    A vector of `layout.size` entries is exactly the parameters of a torch.nn.Sequential of Linear and ReLU over
    `encode_positions`, concatenated; with the default settings and one channel that is 36,737 of them.
    """

    def __init__(self, settings: MLPSettings, dimension: int = 3, channels: int = 1) -> None:
        self.settings = settings
        self.dimension = dimension
        self.channels = channels
        inputs = dimension * features_per_coordinate(settings.frequencies)
        self.layout = linear_layout([inputs] + [settings.width] * settings.layers + [channels])

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, c) in float32 of vectors theta (K, D) at coords (K, P, d); differentiable in both.

        `precision` ("fp32" or "bf16") is that of the matrix products; the encoding is always float32.
        """
        check_call(theta, coords, self.layout.size, self.dimension)
        dtype = DTYPES[precision]
        pieces = [piece.to(dtype) for piece in self.layout.split(theta)]
        # (K, P, F, d) -> (K, P, F * d)
        hidden = self.encode(coords).flatten(-2).to(dtype)
        for layer in range(0, len(pieces), 2):
            weight, bias = pieces[layer], pieces[layer + 1]
            if layer > 0:
                hidden = torch.relu(hidden)
            hidden = torch.baddbmm(bias.unsqueeze(1), hidden, weight.transpose(1, 2))
        return hidden.float()

    def encode(self, coords: Tensor) -> Tensor:
        """Features (..., F, d) of coords (..., d), float32."""
        return encode_positions(coords, self.settings.frequencies, self.settings.frequency_base)

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (D,) drawn as torch.nn.Linear draws: uniform within 1/sqrt(inputs), weights and biases alike."""
        theta = torch.empty(self.layout.size)
        inputs = 1
        for piece in self.layout:
            if piece.kind == "weight":
                inputs = piece.shape[1]
            bound = 1.0 / math.sqrt(inputs)
            theta[piece.start : piece.stop].uniform_(-bound, bound, generator=generator)
        return theta

    def gradient(
        self, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str
    ) -> MLPGradient:
        """Loss and gradient at points given as codes, for `slots` instances of `points` points a call.

        Args:
            levels: (L,) float32, the coordinate that each integer code stands for.
        """
        if self.channels != 1:
            raise ValueError(f"gradients of binary cross entropy need a field of 1 channel, not {self.channels}")
        # (L, F): what one coordinate contributes to the first layer's input, worked out once for every code
        table = self.encode(levels.unsqueeze(-1)).squeeze(-1)
        return MLPGradient(self.layout, self.dimension, table, slots, points, DTYPES[precision], device)
