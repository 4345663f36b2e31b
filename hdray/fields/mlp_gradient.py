"""Loss and gradient of K MLP fields at once, written out by hand: the inner loop of fitting.

Per shape and step of P = 2,048 points the 3 x 128 network costs 0.43 GFLOP, a third of it in each of forward, input
gradients and weight gradients, and its activations are 0.5 MB a layer in bf16. Elementwise passes over activations
therefore cost as much time as they move bytes: this module makes one for each ReLU and one for each mask, works in
place, and allocates nothing per call. Both passes read floats as integers of their width, which have the same signs:
what is negative becomes zero, without the conversions that make bf16 arithmetic several times slower. Weights are
copied from the float32 master vectors to contiguous tensors first, because matrix libraries may choose another kernel,
and other roundings, for another alignment.

Shapes in comments: K instances, D weights, P points, d coordinates, F features per coordinate, H hidden units.
"""

import torch
from torch import Tensor

from hdray.fields.layout import Layout

BITS = {torch.bfloat16: torch.int16, torch.float32: torch.int32}
"""Integers as wide as the floats, whose sign bit is in the same place."""


class MLPGradient:
    """Mean binary cross entropy of K fields at P coded points each, and its gradient.

    Every result row depends on the same row of the arguments only, bit for bit: K is fixed, and no operation here
    crosses rows or rounds differently in one row than in another.
    """

    def __init__(
        self,
        layout: Layout,
        dimension: int,
        table: Tensor,
        slots: int,
        points: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        """
        Args:
            table: (L, F) float32, the features of a coordinate for each integer code.
            slots: K. points: P. dtype: of the matrix products.
        """
        self.layout = layout
        self.dimension = dimension
        self.features = table.shape[1]
        self.points = points
        # A column of ones carries the first bias; rows stay a whole number of 4-byte words in bf16.
        ones = torch.ones(len(table), 1)
        self.table = torch.cat([table.cpu(), ones], dim=1).to(device=device, dtype=dtype)

        def buffer(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        weights = [piece for piece in layout if piece.kind == "weight"]
        columns = self.table.shape[1]
        # The first weight is kept as (K, H, d, F + 1): per coordinate its features, then the bias (once) or zeros.
        self.first = buffer(slots, weights[0].shape[0], dimension, columns)
        self.weights = [self.first.flatten(2)] + [buffer(slots, *piece.shape) for piece in weights[1:]]
        self.weight_gradients = [torch.zeros_like(weight) for weight in self.weights]
        self.biases = [buffer(slots, 1, piece.shape[0]) for piece in weights]
        self.encoded = buffer(slots * points * dimension, columns)
        self.hidden = [buffer(slots, points, piece.shape[0]) for piece in weights[:-1]]
        self.unmasked = torch.zeros_like(self.hidden[0])
        self.bits = BITS[dtype]
        self.probability = torch.zeros(slots, points, dtype=torch.float64, device=device)
        self.difference = torch.zeros_like(self.probability)
        self.slope = buffer(slots, points, 1)
        self.row_of_ones = torch.ones(slots, 1, points, dtype=dtype, device=device)

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean cross entropy; return what `losses` needs.

        Args:
            theta: (K, D or more) float32.
            codes: (K, P, d) int, indices into the table.
            inside: (K, P) float64, targets 0 or 1.
            gradient: (K, D or more) float32, overwritten up to D.

        Returns:
            Probabilities (K, P), float64, valid until the next call.
        """
        self._load(theta)
        logits = self._forward(codes)
        # Vector and scalar exponentials differ in the last bit and which is used depends on where a row lies; float64
        # keeps that below what rounding to the working precision can see.
        self.probability.copy_(logits.squeeze(-1)).sigmoid_()
        torch.sub(self.probability, inside, out=self.difference)
        self._backward(self.slope.copy_(self.difference.div_(self.points).unsqueeze(-1)), gradient)
        return self.probability

    def _load(self, theta: Tensor) -> None:
        pieces = self.layout.split(theta)
        # Published order is (H, F, d); rows of the table are gathered per coordinate, so (H, d, F) here.
        first = pieces[0].unflatten(-1, (self.features, self.dimension)).transpose(-1, -2)
        self.first[..., : self.features].copy_(first)
        self.first[:, :, 0, self.features].copy_(pieces[1])
        for layer in range(1, len(self.weights)):
            self.weights[layer].copy_(pieces[2 * layer])
            self.biases[layer].copy_(pieces[2 * layer + 1].unsqueeze(1))

    def _forward(self, codes: Tensor) -> Tensor:
        """Logits (K, P, 1); activations after ReLU stay in self.hidden."""
        torch.index_select(self.table, 0, codes.flatten(), out=self.encoded)
        inputs = self._inputs()
        torch.bmm(inputs, self.weights[0].transpose(1, 2), out=self.hidden[0])
        self._relu(self.hidden[0])
        for layer in range(1, len(self.hidden)):
            torch.baddbmm(
                self.biases[layer],
                self.hidden[layer - 1],
                self.weights[layer].transpose(1, 2),
                out=self.hidden[layer],
            )
            self._relu(self.hidden[layer])
        return torch.baddbmm(self.biases[-1], self.hidden[-1], self.weights[-1].transpose(1, 2))

    def _relu(self, activations: Tensor) -> None:
        """In place."""
        activations.view(self.bits).clamp_min_(0)

    def _inputs(self) -> Tensor:
        """The encoded points, (K, P, d * (F + 1))."""
        return self.encoded.view(len(self.first), self.points, -1)

    def _backward(self, slope: Tensor, gradient: Tensor) -> None:
        """From the loss's slope in the logits (K, P, 1) to the gradient."""
        pieces = self.layout.split(gradient)
        last = len(self.weights) - 1
        for layer in range(last, 0, -1):
            below = self.hidden[layer - 1]
            torch.bmm(slope.transpose(1, 2), below, out=self.weight_gradients[layer])
            pieces[2 * layer].copy_(self.weight_gradients[layer])
            pieces[2 * layer + 1].copy_(torch.bmm(self.row_of_ones, slope).squeeze(1))
            torch.bmm(slope, self.weights[layer], out=self.unmasked)
            # Where the ReLU below was off, nothing flows; the activations are spent, their memory takes the slope.
            masked, arriving = below.view(self.bits), self.unmasked.view(self.bits)
            torch.ops.aten.threshold_backward.grad_input(arriving, masked, 0, grad_input=masked)
            slope = below
        torch.bmm(slope.transpose(1, 2), self._inputs(), out=self.weight_gradients[0])
        first = self.weight_gradients[0].unflatten(-1, (self.dimension, self.features + 1))
        pieces[0].unflatten(-1, (self.features, self.dimension)).copy_(first[..., : self.features].transpose(-1, -2))
        pieces[1].copy_(first[:, :, 0, self.features])


def losses(probability: Tensor, inside: Tensor) -> Tensor:
    """Mean binary cross entropy (K,), float64, of probabilities (K, P) against targets (K, P) of 0 or 1."""
    # The floor only matters where a logit is worse than -690 on the wrong side.
    return torch.log((1 - (probability - inside).abs()).clamp_min_(1e-300)).mean(dim=1).neg_()
