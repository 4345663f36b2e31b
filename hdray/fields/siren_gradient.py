"""Values and weight gradients of K SIRENs at once, written out by hand.

Per shape and step of P = 4,096 points the 5 x 64 network of mNIF (S) costs 0.4 GFLOP, 1.3 ms of a core that multiplies
300 GFLOP/s in bf16. Its 1.3 million sines and as many cosines cost 1.6 ms in bf16, twice that in float32, so all of them are
taken in the former, and nothing else is computed for each activation but a product with the cosine, in place: angles are kept,
and become cosines, then slopes. Frequencies multiply weights, which are fewer than angles. The first layer's angles are of many
turns, and bf16 has eight bits: they are found in float32, in turns, and only what is beyond whole turns is rounded to bf16.

Shapes in comments: K instances, Q points, d coordinates, I inputs and O outputs of a layer.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hdray.fields.precision import DTYPES

TURN = 2 * math.pi


class SirenGradient:
    """K networks of `layers` hidden layers and one output, at Q points a call, with the slopes summed over calls.

    Nothing crosses rows, and what fills buffers is of the same shape in every call.
    """

    def __init__(
        self,
        slots: int,
        points: int,
        dimension: int,
        width: int,
        layers: int,
        frequency: float,
        sine_output: bool,
        precision: str,
        device: torch.device | str,
    ) -> None:
        """
        Args:
            slots: K. points: Q. dimension: d. frequency: of the sines, omega. sine_output: whether the output is a sine too.
            precision: "fp32" or "bf16", of products over points but for the first layer's, and of all sines.
        """
        dtype = DTYPES[precision]
        self.frequencies = [frequency] * layers + [frequency if sine_output else 1.0]
        self.sine_output = sine_output

        def buffer(*shape: int, dtype: torch.dtype = dtype) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        # The first layer's, in turns. A column of ones carries the bias.
        self.coords = buffer(slots, points, dimension + 1, dtype=torch.float32)
        self.coords[..., dimension] = 1.0
        self.first = buffer(slots, width, dimension + 1, dtype=torch.float32)
        self.first_slope = torch.zeros_like(self.first)
        self.weights = [buffer(slots, width, width) for _ in range(layers - 1)] + [buffer(slots, 1, width)]
        self.biases = [buffer(slots, 1, weight.shape[1]) for weight in self.weights]
        self.weight_slopes = [torch.zeros_like(weight, dtype=torch.float32) for weight in self.weights]
        self.bias_slopes = [torch.zeros_like(bias, dtype=torch.float32) for bias in self.biases]
        # Written whole before they are read.
        self.hidden = [torch.empty(slots, points, width, dtype=dtype, device=device) for _ in range(layers)]
        self.angles = [*map(torch.empty_like, self.hidden), buffer(slots, points, 1)]
        self.values = torch.empty_like(self.angles[-1])
        self.arriving = torch.empty_like(self.hidden[0])
        # Kept, so that no operation between float32 and bf16 converts in fresh memory.
        self.turns = torch.empty_like(self.hidden[0], dtype=torch.float32)
        self.whole_turns = torch.empty_like(self.turns)

    def load(self, networks: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take the layers' weights (K, O, I) and biases (K, O), and forget the slopes found so far."""
        (weight, bias), *others = networks
        torch.mul(weight, self.frequencies[0] / TURN, out=self.first[..., :-1])
        torch.mul(bias, self.frequencies[0] / TURN, out=self.first[..., -1])
        for layer, (weight, bias) in enumerate(others):
            self.weights[layer].copy_(weight * self.frequencies[layer + 1])
            self.biases[layer].copy_((bias * self.frequencies[layer + 1]).unsqueeze(1))
        for slope in (self.first_slope, *self.weight_slopes, *self.bias_slopes):
            slope.zero_()

    def forward(self, coords: Tensor) -> Tensor:
        """Values (K, Q, 1) at coords (K, Q or fewer, d), those before them staying; valid until the next call."""
        self.coords[:, : coords.shape[1], :-1] = coords
        torch.bmm(self.coords, self.first.transpose(1, 2), out=self.turns)
        self.turns.sub_(torch.round(self.turns, out=self.whole_turns)).mul_(TURN)
        self.angles[0].copy_(self.turns)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            torch.sin(self.angles[layer], out=self.hidden[layer])
            torch.baddbmm(bias, self.hidden[layer], weight.transpose(1, 2), out=self.angles[layer + 1])
        return torch.sin(self.angles[-1], out=self.values) if self.sine_output else self.angles[-1]

    def backward(self, slope: Tensor) -> None:
        """Add what the slope (K, Q, 1) of a loss in the values makes of slopes in the weights; angles are spent."""
        of_angles = self.angles[-1].cos_().mul_(slope) if self.sine_output else self.angles[-1].copy_(slope)
        for layer in range(len(self.weights) - 1, -1, -1):
            self.weight_slopes[layer] += torch.bmm(of_angles.transpose(1, 2), self.hidden[layer])
            self.bias_slopes[layer] += of_angles.sum(1, keepdim=True)
            arriving = torch.bmm(of_angles, self.weights[layer], out=self.arriving)
            of_angles = self.angles[layer].cos_().mul_(arriving)
        # This way round: with few columns rather than few rows the product takes six times as long.
        self.first_slope += torch.bmm(self.coords.transpose(1, 2), self.turns.copy_(of_angles)).transpose(1, 2)

    def slopes(self) -> list[tuple[Tensor, Tensor]]:
        """What calls of `backward` summed to since `load`, float32, of the weights and biases as they were loaded."""
        first, *others = self.frequencies
        found = [(self.first_slope[..., :-1] * first, self.first_slope[..., -1] * first)]
        for frequency, weight, bias in zip(others, self.weight_slopes, self.bias_slopes, strict=True):
            found.append((weight * frequency, bias.squeeze(1) * frequency))
        return found
