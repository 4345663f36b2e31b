"""Losses of mixture fields on labelled points, and the gradient of K of them in their latents.

The published loss is the squared error of the network's value against -1 outside and 1 inside; cross entropy of the
logit is the other choice. Both are the mean over an instance's points, never over instances, so that no instance's
gradient depends on how many others there are.

Shapes in comments: K instances, H entries of a latent, P points, d coordinates.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from hdray.fields.layout import Layout
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_gradient import SirenGradient


def mixture_losses(values: Tensor, inside: Tensor, settings: FieldSettings) -> Tensor:
    """Each instance's mean loss (K,) of a mixture's values (K, P) against labels (K, P) of 0 or 1, in the values' dtype."""
    inside = inside.to(values.dtype)
    if settings.mixture_loss == "bce":
        logits = values * settings.siren_scale
        return functional.binary_cross_entropy_with_logits(logits, inside, reduction="none").mean(dim=1)
    return (values - (2 * inside - 1)).square().mean(dim=1)


POINT_MULTIPLE = 64
"""Points of a row fill whole vector registers of every width."""
CHUNK_ENTRIES = 2**19
"""Entries of a layer's activations evaluated at once: 1 MB of bf16, which caches hold (of a GPU 2**25, which fills it)."""


class Mixture(Protocol):
    """What is differentiated through: averaging. The averaged networks are SIRENs."""

    @property
    def layout(self) -> Layout:
        """Of a latent."""
        ...

    @property
    def dimension(self) -> int:
        """Coordinates d of a point."""
        ...

    def rounded(self, precision: str, device: torch.device) -> list[Tensor]:
        """What is averaged, in a precision."""
        ...

    def networks(self, theta: Tensor, weights: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of the layers of each latent's network: means of these weights."""
        ...


class MixtureGradient:
    """The gradient of each row's mean loss, in the form that `hdray.fitting.descent` calls.

    Networks are averaged once a call; points then go through them in chunks, so that memory does not grow with P. The
    number of rows is the same in every call and no operation crosses rows, so a row depends on its own points only. To the
    last bit it does where every row begins at a whole number of vector registers, so points are padded.
    """

    def __init__(
        self,
        field: Mixture,
        settings: FieldSettings,
        slots: int,
        points: int,
        levels: Tensor,
        precision: str,
        device: torch.device | str,
    ) -> None:
        """`levels`: (L,) float32, the coordinate of each code, as networks take them. `slots`: K. `points`: P."""
        self.field, self.settings, self.points = field, settings, points
        self.levels = levels.to(device)
        # Means are rounded to the precision of products over points anyway. With 704 trained bases, eight chairs' IoU near the
        # surface was 0.509 so, 0.524 with exact means rounded after, 0.517 in float32, and single ones varied by 0.05.
        self.weights = field.rounded(precision, self.levels.device)
        entries = CHUNK_ENTRIES if self.levels.device.type == "cpu" else 64 * CHUNK_ENTRIES
        most = max(1, entries // (slots * settings.width * POINT_MULTIPLE)) * POINT_MULTIPLE
        # Chunks of one size, and as few points of padding as that allows.
        chunks = -(-points // most)
        self.chunk = -(-points // (chunks * POINT_MULTIPLE)) * POINT_MULTIPLE
        sizes = slots, self.chunk, field.dimension, settings.width, settings.layers
        sine_output = settings.siren_output == "sine"
        self.siren = SirenGradient(*sizes, settings.siren_frequency, sine_output, precision, device)
        self.slope = torch.zeros(slots, self.chunk, 1, dtype=torch.float64, device=device)

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
            averaged = self.field.networks(latents, self.weights)
        self.siren.load([(weight.detach(), bias.detach()) for weight, bias in averaged])
        probability = torch.empty_like(inside)
        for first in range(0, self.points, self.chunk):
            chunk = slice(first, first + self.chunk)
            self._add(codes[:, chunk], inside[:, chunk], probability[:, chunk])
        parts = [part for layer in averaged for part in layer]
        slopes = [slope for layer in self.siren.slopes() for slope in layer]
        (found,) = torch.autograd.grad(parts, latents, slopes)
        gradient[:, :size].copy_(found)
        return probability

    def _add(self, codes: Tensor, inside: Tensor, probability: Tensor) -> None:
        """Add the loss's slope in the averaged weights, over some of the points; write their probabilities."""
        count = codes.shape[1]
        # In float64, as vector and scalar exponentials differ in the last bit of float32 (see mlp_gradient).
        coords = self.levels.index_select(0, codes.flatten()).view(codes.shape)
        values = self.siren.forward(coords).squeeze(-1).double()  # (K, points of a chunk)
        probability.copy_((values * self.settings.siren_scale).sigmoid_()[:, :count])
        if self.settings.mixture_loss == "bce":
            slope = (probability - inside) * self.settings.siren_scale
        else:
            slope = 2 * (values[:, :count] - (2 * inside - 1))
        self.slope[:, :count, 0] = slope / self.points
        self.slope[:, count:] = 0  # of points that fill the chunk
        self.siren.backward(self.slope)
