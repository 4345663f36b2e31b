"""Loss and gradient of K low-rank adaptations of one base at once, written out by hand: the inner loop of fitting.

Per shape and step of P = 2,048 points, L = 9 layers of H = 128 cost 1.8 GFLOP, a third of it in each of forward, input
gradients and weight gradients; that is 6 ms of a core that multiplies 300 GFLOP/s in bf16. A layer's activations are 0.5 MB in
bf16, and every pass over them counts: as in mlp_gradient.py ReLUs and masks are integer passes in place, and nothing is
allocated for activations. On CPUs instances go through the network in groups of so few that what one operation writes is
still in a core's cache for the next, which matters most to weight gradients: they read two activations.

Shapes in comments: K instances, G in a group, P points, Q points with padding, d coordinates, L layers, H width in whole
lines (see alignment.py), r rank.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from hdray.fields.alignment import whole_lines
from hdray.fields.masks import FrozenEntries
from hdray.fields.mlp_gradient import BITS
from hdray.fields.precision import DTYPES

GROUP_ENTRIES = 2**19
"""Entries of a layer's activations on CPUs: 1 MB of bf16, the second-level cache of a core."""


class LoRAGradient:
    """Mean binary cross entropy of K fields at P coded points each, and its gradient (see `hdray.fields.field.Gradient`).

    Every result row depends on the same row of the arguments only, bit for bit: groups are of one size, no operation
    crosses rows, and rows begin at whole cache lines.
    """

    def __init__(
        self,
        base: Mapping[str, Tensor],
        frozen: FrozenEntries,
        omega: float,
        multiplicative: bool,
        slots: int,
        points: int,
        levels: Tensor,
        precision: str,
        device: torch.device | str,
    ) -> None:
        """
        Args:
            base: on `device`: weights (L, H, H), biases (L, H), fourier.weight (width, d), fourier.bias (width,),
                output.weight (1, H) and output.bias (1,).
            frozen: of the vectors' layout. omega: frequency that angles are multiplied by.
            slots: K. points: P. levels: (levels,) float32, the coordinate that each integer code stands for.
            precision: "fp32" or "bf16", of the products with adapted matrices.
        """
        self.base, self.frozen, self.omega, self.multiplicative = base, frozen, omega, multiplicative
        self.points, self.levels = points, levels.to(device)
        self.pairs = [piece for piece in frozen.whole if piece.kind in ("a", "b")]
        dtype = DTYPES[precision]
        self.bits = BITS[dtype]

        layers, width = base["biases"].shape
        rank, dimension = self.pairs[0].shape[0], base["fourier.weight"].shape[1]
        rows = whole_lines(points)
        most = slots if self.levels.device.type != "cpu" else max(1, GROUP_ENTRIES // (rows * width))
        self.group = max(size for size in range(1, slots + 1) if slots % size == 0 and size <= most)
        group = self.group

        def buffer(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.whole_gradient = buffer(slots, len(frozen.values))
        self.probability = buffer(slots, rows, dtype=torch.float64)
        # A column of ones carries the phase.
        self.coords = buffer(group, rows, dimension + 1)
        self.coords[..., dimension] = 1.0
        self.first = buffer(group, width, dimension + 1)
        self.angles = buffer(group, rows, width)
        self.a, self.b = buffer(layers * group, rank, width), buffer(layers * group, rank, width)
        self.adaptation = buffer(layers * group, width, width)
        self.matrices = buffer(layers, group, width, width, dtype=dtype)
        self.matrix_gradients = torch.zeros_like(self.matrices)
        self.biases = base["biases"].to(dtype).unsqueeze(1).unsqueeze(1).expand(-1, group, 1, -1)  # (L, G, 1, H)
        self.output = base["output.weight"].to(dtype).expand(group, -1, -1)  # (G, 1, H)
        self.output_bias = base["output.bias"].to(dtype).expand(group, 1, -1)  # (G, 1, 1)
        self.inputs = [buffer(group, rows, width, dtype=dtype) for _ in range(layers)]
        self.outer = [buffer(group, rows, width, dtype=dtype) for _ in range(layers // 2)]
        self.last, self.slope, self.arriving = (torch.zeros_like(self.inputs[0]) for _ in range(3))
        self.logit_slope = buffer(group, rows, 1, dtype=dtype)

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean cross entropy; return the probabilities (K, P) float64.

        The probabilities are valid until the next call.
        """
        size = self.frozen.layout.size
        whole = self.frozen.complete(theta[:, :size].float())
        for first in range(0, len(theta), self.group):
            rows = slice(first, first + self.group)
            self._load(whole[rows], codes[rows])
            # In float64, as vector and scalar exponentials differ in the last bit of float32 (see mlp_gradient).
            probability = self.probability[rows].copy_(self._forward().squeeze(-1)).sigmoid_()
            self.logit_slope[:, : self.points, 0] = (probability[:, : self.points] - inside[rows]) / self.points
            self._backward(self.whole_gradient[rows])
        gradient[:, :size] = self.frozen.without(self.whole_gradient)
        return self.probability[:, : self.points]

    def _load(self, whole: Tensor, codes: Tensor) -> None:
        """The points, and the group's matrices."""
        found = torch.index_select(self.levels, 0, codes.flatten())
        self.coords[:, : self.points, :-1] = found.view(codes.shape)
        own = {piece.name: part for piece, part in zip(self.frozen.whole, self.frozen.whole.split(whole), strict=True)}
        weight = own.get("fourier.weight", self.base["fourier.weight"])  # (G or none, width, d)
        width = weight.shape[-2]
        # Multiplied here, where weights are fewer than angles.
        self.first[:, :width, :-1] = weight * self.omega
        self.first[:, :width, -1] = own["fourier.bias"] * self.omega
        pairs = self._pairs(whole).transpose(0, 1)  # (L, G, 2, r, width)
        for part, values in ((self.a, pairs[:, :, 0]), (self.b, pairs[:, :, 1])):
            part.unflatten(0, (-1, self.group))[..., :width].copy_(values)
        torch.bmm(self.b.transpose(1, 2), self.a, out=self.adaptation)  # BA
        adaptation, weights = self.adaptation.view(self.matrices.shape), self.base["weights"].unsqueeze(1)
        torch.mul(adaptation, weights, out=adaptation) if self.multiplicative else adaptation.add_(weights)
        self.matrices.copy_(adaptation)

    def _forward(self) -> Tensor:
        """Logits (G, Q, 1)."""
        torch.bmm(self.coords, self.first.transpose(1, 2), out=self.angles)
        torch.sin(self.angles, out=self.inputs[0])
        hidden = self._layer(0, self.inputs[1])
        for block, outer in enumerate(self.outer):
            inner = 2 * block + 2
            self._layer(inner - 1, self.inputs[inner])
            self._layer(inner, outer)
            above = self.inputs[inner + 1] if inner + 1 < len(self.inputs) else self.last
            hidden = torch.add(hidden, outer, out=above)
        return torch.baddbmm(self.output_bias, hidden, self.output.transpose(1, 2))

    def _layer(self, layer: int, outputs: Tensor) -> Tensor:
        """relu(W x + b), written to `outputs`."""
        torch.baddbmm(self.biases[layer], self.inputs[layer], self.matrices[layer].transpose(1, 2), out=outputs)
        outputs.view(self.bits).clamp_min_(0)
        return outputs

    def _backward(self, gradient: Tensor) -> None:
        """From the loss's slope in the logits to the gradient (G, D_whole or more); activations are spent."""
        torch.bmm(self.logit_slope, self.output, out=self.slope)
        for block in range(len(self.outer) - 1, -1, -1):
            inner = 2 * block + 2
            masked = self._through_layer(inner, self.slope, self.outer[block])
            torch.bmm(masked, self.matrices[inner], out=self.arriving)
            masked = self._through_layer(inner - 1, self.arriving, self.inputs[inner])
            self.slope.baddbmm_(masked, self.matrices[inner - 1])  # past the block, and through it
        masked = self._through_layer(0, self.slope, self.inputs[1])
        torch.bmm(masked, self.matrices[0], out=self.arriving)
        self.angles.cos_().mul_(self.arriving)
        # This way round: with few columns rather than few rows the product takes six times as long.
        first = torch.bmm(self.coords.transpose(1, 2), self.angles).mul_(self.omega)  # (G, d + 1, H)
        for piece, part in zip(self.frozen.whole, self.frozen.whole.split(gradient), strict=True):
            if piece.name == "fourier.weight":
                part.copy_(first[:, :-1, : piece.shape[0]].transpose(1, 2))
            elif piece.name == "fourier.bias":
                part.copy_(first[:, -1, : piece.shape[0]])
        self._pair_gradients(gradient)

    def _through_layer(self, layer: int, slope: Tensor, outputs: Tensor) -> Tensor:
        """The slope where the layer's ReLU was on, in the memory of its outputs; the matrix's gradient is written."""
        masked = outputs.view(self.bits)
        torch.ops.aten.threshold_backward.grad_input(slope.view(self.bits), masked, 0, grad_input=masked)
        torch.bmm(outputs.transpose(1, 2), self.inputs[layer], out=self.matrix_gradients[layer])
        return outputs

    def _pair_gradients(self, gradient: Tensor) -> None:
        """From the gradient in adapted matrices to that in a and b."""
        of_product = self.adaptation.view(self.matrices.shape).copy_(self.matrix_gradients)
        if self.multiplicative:
            of_product *= self.base["weights"].unsqueeze(1)
        of_b = torch.bmm(self.a, self.adaptation.transpose(1, 2))  # (L * G, r, H)
        of_a = torch.bmm(self.b, self.adaptation)
        pairs = self._pairs(gradient).transpose(0, 1)  # (L, G, 2, r, width), a view
        for number, part in enumerate((of_a, of_b)):
            pairs[:, :, number] = part.unflatten(0, (-1, self.group))[..., : pairs.shape[-1]]

    def _pairs(self, whole: Tensor) -> Tensor:
        """The view (G, L, 2, r, width) of all pairs of whole vectors: they lie one after the other."""
        shape = (len(self.pairs) // 2, 2, *self.pairs[0].shape)
        return whole[:, self.pairs[0].start : self.pairs[-1].stop].unflatten(1, shape)
