"""Scaling of weight vectors before diffusion, and back.

Diffusion adds noise of unit variance, weights are some hundredths: unscaled (as HyperDiffusion is published) most of
the schedule sees pure noise. N vectors, D weights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normaliser:
    """x = (theta - shift) / scale per entry. Entries of scale 0 are constants: x is 0 there and comes back as shift."""

    shift: Tensor  # (D,) float32
    scale: Tensor  # (D,) float32

    @classmethod
    def fit(cls, theta: Tensor, sizes: tuple[int, ...], mode: str, reference: Tensor | None) -> "Normaliser":
        """Statistics of theta (N, D), whose tokens have `sizes`.

        mode: none (the vectors themselves), scalar, token or dimension: standardised by the mean and standard
        deviation of everything, of each token, of each entry. With `reference` (D,), the shared initialisation, it is
        the differences from it that are standardised (which changes nothing in mode dimension). Entries that are the
        same in all vectors, about a tenth of those fitted from a shared start, are constants in every mode but none.
        """
        reference = torch.zeros_like(theta[0]) if reference is None else reference.to(theta)
        if mode == "none":
            return cls(reference.float(), torch.ones_like(reference, dtype=torch.float32))
        constant = (theta == theta[0]).all(dim=0)
        if mode == "dimension":
            mean, deviation = _column_moments(theta)
        elif mode in ("scalar", "token"):
            means, deviations = [], []
            for size, part in _blocks(theta - reference, sizes if mode == "token" else (theta.shape[1],)):
                # Moments of the mean and spread per column, so that float64 copies stay one column wide.
                column_mean, column_deviation = _column_moments(part)
                block_mean = column_mean.mean()
                variance = column_deviation.square().mean() + column_mean.var(correction=0)
                means.append(block_mean.expand(size))
                deviations.append(variance.sqrt().expand(size))
            mean, deviation = torch.cat(means) + reference.double(), torch.cat(deviations)
        else:
            raise ValueError(f"normalisation {mode!r} is not one of none, scalar, token, dimension")
        scale = deviation.float().masked_fill(constant, 0)
        return cls(torch.where(scale > 0, mean.float(), theta[0].float()), scale)

    def forward(self, theta: Tensor) -> Tensor:
        """theta (N, D) to normalised (N, D) float32."""
        live = self.scale > 0
        return ((theta - self.shift) / self.scale.where(live, torch.ones_like(self.scale))).where(live, 0.0)

    def backward(self, normalised: Tensor) -> Tensor:
        """normalised (N, D) to theta (N, D); constants come back exactly, whatever their entry says."""
        return torch.where(self.scale > 0, normalised * self.scale + self.shift, self.shift)


def _column_moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population standard deviation of each column of (N, D), as float64 (D,), a block of rows at a time."""
    rows = max(1, 2**24 // values.shape[1])
    mean = sum(block.double().sum(dim=0) for block in values.split(rows)) / len(values)
    squares = sum((block.double() - mean).square().sum(dim=0) for block in values.split(rows))
    return mean, (squares / len(values)).sqrt()


def _blocks(values: Tensor, sizes: tuple[int, ...]) -> list[tuple[int, Tensor]]:
    return list(zip(sizes, values.split(sizes, dim=1), strict=True))
