"""Maximum mean discrepancy (MMD) of two sets of features: KID, and MMD-G and MMD-P of the mLoRA paper; float64.

MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y) (Gretton et al. 2012, which names the two estimators):

- unbiased: means over pairs of different samples within each set; below zero about half the time for equal
  distributions. KID is defined by it (Binkowski et al. 2018).
- biased: pairs of a sample with itself included; never below zero, and above it by about 1 / N for equal distributions.

The mLoRA paper (arXiv 2512.01759, section 9.1) divides both sets by the reference's scalar standard deviation, D being
the number of features. Its MMD-G is printed with sigma = D, gamma = 1 / (2 D^2): squared distances are then about 2 D,
the kernel is 1 - 1 / D everywhere, and no set can be farther than about 1 / D from another, yet its tables show values
up to 0.82. gamma = 1 / (2 D), sigma = sqrt(D), can give them, so that is `mlora` here; the printed one is
`mlora-literal`. The paper does not name its estimator; the unbiased one is used, as in the KID that it refers to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 2**22
"""Kernel values computed at a time."""
ESTIMATORS = ("unbiased", "biased")
BANDWIDTHS = ("mlora", "mlora-literal")


@dataclass(frozen=True)
class Kernel:
    """A kernel of features: all values (N, M) of (N, D) and (M, D), and those of samples with themselves, (N,) of (N, D)."""

    across: Callable[[Tensor, Tensor], Tensor]
    own: Callable[[Tensor], Tensor]


def polynomial(gamma: float, degree: int = 3, offset: float = 1.0) -> Kernel:
    """(gamma x.y + offset)^degree."""
    return Kernel(
        across=lambda x, y: (gamma * (x @ y.T) + offset) ** degree,
        own=lambda x: (gamma * x.square().sum(dim=1) + offset) ** degree,
    )


def gaussian(gamma: float) -> Kernel:
    """exp(-gamma |x - y|^2)."""

    def across(x: Tensor, y: Tensor) -> Tensor:
        # |x|^2 + |y|^2 - 2 x.y loses digits of small distances only, where the kernel is flat: it is a matrix product.
        squares = torch.addmm(x.square().sum(dim=1)[:, None] + y.square().sum(dim=1), x, y.T, alpha=-2)
        return squares.clamp_(min=0).mul_(-gamma).exp_()

    return Kernel(across=across, own=lambda x: x.new_ones(len(x)))


def mmd2(x: Tensor, y: Tensor, kernel: Kernel, estimator: str = "unbiased") -> float:
    """The squared discrepancy of features (N, D) and (M, D), by blocks of rows.

    Raises ValueError for another estimator, and where a set has fewer than two samples (unbiased) or none.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"the estimator {estimator!r} is not one of {', '.join(ESTIMATORS)}")
    if min(len(x), len(y)) < (2 if estimator == "unbiased" else 1):
        raise ValueError(f"the {estimator} estimator cannot be computed from {len(x)} and {len(y)} samples")
    x, y = x.double(), y.double()
    within = sum(_mean_within(features, kernel, estimator) for features in (x, y))
    return within - 2 * _sum(x, y, kernel) / (len(x) * len(y))


def kid(x: Tensor, y: Tensor) -> float:
    """Kernel inception distance: unbiased MMD^2 under the kernel (x.y / D + 1)^3, of all samples at once."""
    return mmd2(x, y, polynomial(1 / x.shape[1]), "unbiased")


def mmd_p(generated: Tensor, reference: Tensor, estimator: str = "unbiased") -> float:
    """MMD-P of the mLoRA paper: the cubic polynomial kernel on features scaled by `scaled_by_reference`."""
    x, y = scaled_by_reference(generated, reference)
    return mmd2(x, y, polynomial(1 / x.shape[1]), estimator)


def mmd_g(generated: Tensor, reference: Tensor, bandwidth: str = "mlora", estimator: str = "unbiased") -> float:
    """MMD-G of the mLoRA paper: the Gaussian kernel on features scaled by `scaled_by_reference`.

    bandwidth: mlora (gamma = 1 / (2 D)) or mlora-literal (gamma = 1 / (2 D^2)); see the top of this file.
    """
    if bandwidth not in BANDWIDTHS:
        raise ValueError(f"the bandwidth {bandwidth!r} is not one of {', '.join(BANDWIDTHS)}")
    x, y = scaled_by_reference(generated, reference)
    return mmd2(x, y, gaussian(1 / (2 * x.shape[1] ** (1 if bandwidth == "mlora" else 2))), estimator)


def scaled_by_reference(generated: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets minus the reference's mean over its standard deviation, two numbers for all entries; float64."""
    generated, reference = generated.double(), reference.double()
    deviation = reference.std(correction=0)
    if not deviation > 0:
        raise ValueError("features cannot be scaled by a reference whose features are all one number")
    return (generated - reference.mean()) / deviation, (reference - reference.mean()) / deviation


def _mean_within(features: Tensor, kernel: Kernel, estimator: str) -> float:
    count = len(features)
    total = _sum(features, features, kernel)
    if estimator == "biased":
        return total / count**2
    return (total - float(kernel.own(features).sum())) / (count * (count - 1))


def _sum(x: Tensor, y: Tensor, kernel: Kernel) -> float:
    """Of all kernel values (N, M), a block of rows at a time."""
    rows = max(1, BLOCK // len(y))
    return sum(float(kernel.across(part, y).sum()) for part in x.split(rows))
