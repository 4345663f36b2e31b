"""Loss and gradient of K fields of any kind at once, by automatic differentiation: the inner loop of fitting.

The field computes its logits as it does everywhere, so that a new kind of field needs no gradient of its own. What a field
computes for one instance must not depend on the others, nor on its place among them, to the last bit: batched matrix
products of fixed shapes do not, and elementwise functions do not as long as every instance begins at a whole number of
vector registers. Points are padded for that; the padding has no slope.

Shapes in comments: K instances, D weights, P points, Q points with padding, d coordinates.
"""

import torch
from torch import Tensor

from hdray.fields.field import Field

POINT_MULTIPLE = 64
"""Points of an instance fill whole cache lines in every precision, and whole vector registers of every width."""


class AutogradGradient:
    """Mean binary cross entropy of K fields at P coded points each, and its gradient (see `hdray.fields.field.Gradient`)."""

    def __init__(
        self, field: Field, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str
    ) -> None:
        """
        Args:
            slots: K. points: P. levels: (L,) float32, the coordinate that each integer code stands for.
            precision: "fp32" or "bf16", of the field's matrix products.
        """
        self.field = field
        self.points = points
        self.precision = precision
        self.levels = levels.to(device)
        padded = -(-points // POINT_MULTIPLE) * POINT_MULTIPLE
        self.coords = torch.zeros(slots, padded, field.dimension, device=device)
        self.slope = torch.zeros(slots, padded, 1, device=device)

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean cross entropy; return the probabilities (K, P) float64."""
        size = self.field.layout.size
        self.coords[:, : self.points] = self.levels[codes]
        weights = theta[:, :size].clone(memory_format=torch.contiguous_format).requires_grad_()
        with torch.enable_grad():
            logits = self.field(weights, self.coords, self.precision)  # (K, Q, 1)
        # Vector and scalar exponentials differ in the last bit and which is used depends on where a row lies; float64
        # keeps that below what rounding to float32 can see.
        probability = logits.detach()[:, : self.points, 0].double().sigmoid_()
        self.slope[:, : self.points, 0] = (probability - inside) / self.points
        (found,) = torch.autograd.grad(logits, weights, self.slope)
        gradient[:, :size] = found
        return probability
