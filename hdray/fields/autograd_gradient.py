"""Loss and gradient of K fields of any kind at once, by automatic differentiation: the inner loop of fitting.

The field computes its logits as it does everywhere, so that a new kind of field needs no gradient of its own. What a field
computes for one instance must not depend on the others, nor on its place among them, to the last bit: rows of vectors are
therefore taken as far apart as they come, points are padded to whole cache lines (the padding has no slope), and fields
pad their widths (see alignment.py).

Shapes in comments: K instances, D weights, P points, Q points with padding, d coordinates.
"""

import torch
from torch import Tensor

from hdray.fields.alignment import whole_lines
from hdray.fields.field import Field


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
        self.coords = torch.zeros(slots, whole_lines(points), field.dimension, device=device)
        self.slope = torch.zeros(slots, whole_lines(points), 1, device=device)

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean cross entropy; return the probabilities (K, P) float64."""
        size = self.field.layout.size
        self.coords[:, : self.points] = torch.index_select(self.levels, 0, codes.flatten()).view(codes.shape)
        weights = theta.detach().clone().requires_grad_()
        with torch.enable_grad():
            logits = self.field(weights[:, :size], self.coords, self.precision)  # (K, Q, 1)
        # Vector and scalar exponentials differ in the last bit and which is used depends on where a row lies; float64
        # keeps that below what rounding to float32 can see.
        probability = logits.detach()[:, : self.points, 0].double().sigmoid_()
        self.slope[:, : self.points, 0] = (probability - inside) / self.points
        (found,) = torch.autograd.grad(logits, weights, self.slope)
        gradient[:, :size] = found[:, :size]
        return probability
