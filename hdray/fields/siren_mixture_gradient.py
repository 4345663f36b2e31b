"""Losses of mixture fields on labelled points, and the gradient of K of them in their latents.

The published loss is the squared error of the network's value against -1 outside and 1 inside; cross entropy of the
logit is the other choice. Both are the mean over an instance's points, never over instances, so that no instance's
gradient depends on how many others there are.

Shapes in comments: K instances, H entries of a latent, P points, d coordinates.
"""

import torch
from torch import Tensor
from torch.nn import functional

from hdray.fields.field import Field
from hdray.fields.settings import FieldSettings


def mixture_losses(values: Tensor, inside: Tensor, settings: FieldSettings) -> Tensor:
    """Each instance's mean loss (K,) of a mixture's values (K, P) against labels (K, P) of 0 or 1, in the values' dtype."""
    inside = inside.to(values.dtype)
    if settings.mixture_loss == "bce":
        logits = values * settings.siren_scale
        return functional.binary_cross_entropy_with_logits(logits, inside, reduction="none").mean(dim=1)
    return (values - (2 * inside - 1)).square().mean(dim=1)


POINT_MULTIPLE = 64
"""Points of a row fill whole vector registers of every width."""


class MixtureGradient:
    """The gradient of each row's mean loss, in the form that `hdray.fitting.descent` calls.

    The number of rows is the same in every call and no operation crosses rows, so a row depends on its own points only.
    To the last bit it does where every row begins at a whole number of vector registers, so points are padded.
    """

    def __init__(
        self,
        field: Field,
        settings: FieldSettings,
        points: int,
        levels: Tensor,
        precision: str,
        device: torch.device | str,
    ) -> None:
        """`levels`: (L,) float32, the coordinate of each code. `points`: P."""
        self.field, self.settings, self.points, self.precision = field, settings, points, precision
        self.levels = levels.to(device)

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean loss; return what `hdray.fields.mlp_gradient.losses` needs.

        Args:
            theta: (K, H or more) float32.
            codes: (K, P, d) int, indices into the levels.
            inside: (K, P) float64, targets 0 or 1.
            gradient: (K, H or more) float32, overwritten up to H.

        Returns:
            Probabilities (K, P), float64.
        """
        size = self.field.layout.size
        latents = theta[:, :size].detach().clone().requires_grad_()
        with torch.enable_grad():
            logits = self.field(latents, self._coords(codes), self.precision)[:, : codes.shape[1], 0]  # (K, P)
        found = logits.detach().double()
        probability = found.sigmoid()
        # In float64, as vector and scalar exponentials differ in the last bit of float32 (see mlp_gradient).
        if self.settings.mixture_loss == "bce":
            slope = probability - inside
        else:
            slope = (found / self.settings.siren_scale - (2 * inside - 1)) * (2 / self.settings.siren_scale)
        (found_gradient,) = torch.autograd.grad(logits, latents, (slope / self.points).float())
        gradient[:, :size].copy_(found_gradient)
        return probability

    def _coords(self, codes: Tensor) -> Tensor:
        """(K, P, d) codes to coordinates (K, P rounded up, d)."""
        return functional.pad(self.levels[codes.long()], (0, 0, 0, -codes.shape[1] % POINT_MULTIPLE))
