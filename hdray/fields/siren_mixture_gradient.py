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
"""Entries of a layer's activations evaluated at once: 2 MB, which caches hold (of a GPU 2**25, which fills it)."""


class Mixture(Protocol):
    """What is differentiated: averaging, then evaluating the averaged networks."""

    @property
    def layout(self) -> Layout:
        """Of a latent."""
        ...

    def networks(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of the layers of each latent's network."""
        ...

    def evaluate(self, networks: Sequence[tuple[Tensor, Tensor]], coords: Tensor, precision: str = "fp32") -> Tensor:
        """Their values at coords (K, P, d), (K, P, 1)."""
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
        """`levels`: (L,) float32, the coordinate of each code. `slots`: K. `points`: P."""
        self.field, self.settings, self.points, self.precision = field, settings, points, precision
        self.levels = levels.to(device)
        entries = CHUNK_ENTRIES if self.levels.device.type == "cpu" else 64 * CHUNK_ENTRIES
        self.chunk = max(1, entries // (slots * settings.width * POINT_MULTIPLE)) * POINT_MULTIPLE

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
            averaged = self.field.networks(latents)
        parts = [part for layer in averaged for part in layer]
        leaves = [part.detach().requires_grad_() for part in parts]
        slopes = [torch.zeros_like(part) for part in parts]
        probabilities = []
        for first in range(0, self.points, self.chunk):
            chunk = slice(first, first + self.chunk)
            probabilities.append(self._add(leaves, codes[:, chunk], inside[:, chunk], slopes))
        (found,) = torch.autograd.grad(parts, latents, slopes)
        gradient[:, :size].copy_(found)
        return torch.cat(probabilities, dim=1)

    def _add(self, leaves: list[Tensor], codes: Tensor, inside: Tensor, slopes: list[Tensor]) -> Tensor:
        """Add the loss's slope in the averaged weights, over some of the points; their probabilities (K, P)."""
        count = codes.shape[1]
        padding = -count % POINT_MULTIPLE
        coords = functional.pad(self.levels[codes.long()], (0, 0, 0, padding))
        labels = functional.pad(inside, (0, padding))  # (K, count rounded up)
        with torch.enable_grad():
            networks = list(zip(leaves[::2], leaves[1::2], strict=True))
            values = self.field.evaluate(networks, coords, self.precision).squeeze(-1)
        # In float64, as vector and scalar exponentials differ in the last bit of float32 (see mlp_gradient).
        exact = values.detach().double()
        probability = (exact * self.settings.siren_scale).sigmoid()
        if self.settings.mixture_loss == "bce":
            slope = (probability - labels) * self.settings.siren_scale
        else:
            slope = 2 * (exact - (2 * labels - 1))
        slope[:, count:] = 0
        found = torch.autograd.grad(values, leaves, (slope / self.points).to(values.dtype))
        for total, part in zip(slopes, found, strict=True):
            total += part
        return probability[:, :count]
