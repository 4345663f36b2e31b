"""Values and weight gradients of K SIRENs at once, written out by hand.

Per shape and step of P = 4,096 points the 5 x 64 network of mNIF (S) costs 0.4 GFLOP, 1.3 ms of a core that multiplies
300 GFLOP/s in bf16. Its 1.3 million sines and as many cosines cost 1.6 ms in bf16, twice that in float32, so nothing else is
computed for each activation but a product with the cosine, in place: angles are kept, and become cosines, then slopes.
Frequencies multiply weights, which are fewer than angles.

Shapes in comments: K instances, Q points, d coordinates, I inputs and O outputs of a layer.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hdray.fields.precision import DTYPES


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
            precision: "fp32" or "bf16", of products over points but for the first layer's, whose angles are too large for bf16.
        """
        dtype = DTYPES[precision]
        self.frequencies = [frequency] * layers + [frequency if sine_output else 1.0]
        self.sine_output = sine_output

        def buffer(*shape: int, dtype: torch.dtype = dtype) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        # A column of ones carries the first bias.
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
        self.angles = [*map(torch.empty_like, self.hidden[1:]), buffer(slots, points, 1)]
        self.values = torch.empty_like(self.angles[-1])
        self.arriving = torch.empty_like(self.hidden[0])
        self.first_angles = torch.empty_like(self.hidden[0], dtype=torch.float32)
        self.row_of_ones = torch.ones(slots, 1, points, dtype=dtype, device=device)

    def load(self, networks: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take the layers' weights (K, O, I) and biases (K, O), and forget the slopes found so far."""
        (weight, bias), *others = networks
        torch.mul(weight, self.frequencies[0], out=self.first[..., :-1])
        torch.mul(bias, self.frequencies[0], out=self.first[..., -1])
        for layer, (weight, bias) in enumerate(others):
            self.weights[layer].copy_(weight * self.frequencies[layer + 1])
            self.biases[layer].copy_((bias * self.frequencies[layer + 1]).unsqueeze(1))
        for slope in (self.first_slope, *self.weight_slopes, *self.bias_slopes):
            slope.zero_()

    def forward(self, coords: Tensor) -> Tensor:
        """Values (K, Q, 1) at coords (K, Q or fewer, d), those before them staying; valid until the next call."""
        self.coords[:, : coords.shape[1], :-1] = coords
        torch.bmm(self.coords, self.first.transpose(1, 2), out=self.first_angles)
        torch.sin(self.first_angles, out=self.hidden[0])
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            torch.baddbmm(bias, self.hidden[layer], weight.transpose(1, 2), out=self.angles[layer])
            if layer < last:
                torch.sin(self.angles[layer], out=self.hidden[layer + 1])
        return torch.sin(self.angles[last], out=self.values) if self.sine_output else self.angles[last]

    def backward(self, slope: Tensor) -> None:
        """Add what the slope (K, Q, 1) of a loss in the values makes of slopes in the weights; angles are spent."""
        last = len(self.weights) - 1
        arriving = slope
        for layer in range(last, -1, -1):
            if layer < last or self.sine_output:
                of_angles = self.angles[layer].cos_().mul_(arriving)
            else:
                of_angles = self.angles[layer].copy_(arriving)
            self.weight_slopes[layer] += torch.bmm(of_angles.transpose(1, 2), self.hidden[layer])
            self.bias_slopes[layer] += torch.bmm(self.row_of_ones, of_angles)
            arriving = torch.bmm(of_angles, self.weights[layer], out=self.arriving)
        of_angles = self.first_angles.cos_().mul_(arriving)
        # This way round: with few columns rather than few rows the product takes six times as long.
        self.first_slope += torch.bmm(self.coords.transpose(1, 2), of_angles).transpose(1, 2)

    def slopes(self) -> list[tuple[Tensor, Tensor]]:
        """What calls of `backward` summed to since `load`, float32, of the weights and biases as they were loaded."""
        first, *others = self.frequencies
        found = [(self.first_slope[..., :-1] * first, self.first_slope[..., -1] * first)]
        for frequency, weight, bias in zip(others, self.weight_slopes, self.bias_slopes, strict=True):
            found.append((weight * frequency, bias.squeeze(1) * frequency))
        return found
