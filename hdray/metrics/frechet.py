"""Frechet distance of two sets of features, each taken for a Gaussian (FID, FPD; Dowson and Landau 1982), in float64."""

import torch
from torch import Tensor


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and unbiased covariance (D, D) of features (N, D), float64. Raises ValueError for fewer than two."""
    if features.dim() != 2 or len(features) < 2:
        raise ValueError(f"a covariance needs features (N, D) of two samples or more, not {tuple(features.shape)}")
    features = features.double()
    mean = features.mean(dim=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def frechet(a: Tensor, b: Tensor) -> float:
    """Frechet distance of features (N, D) and (M, D): |mean difference|^2 + tr(A + B - 2 (A B)^(1/2)).

    Biased upwards by few samples, in proportion to D over their number; `hdray.metrics.features` sees to it that no
    result holds the number without what it is to be read against.
    """
    return frechet_of_gaussians(*moments(a), *moments(b))


def frechet_of_gaussians(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """The same of Gaussians with means (D,) and covariances (D, D), which may be of any rank."""
    # tr (A B)^(1/2) is the sum of the singular values of R^T S for any R R^T = A, S S^T = B: unlike a square root of
    # the product, which is not symmetric, that is real and exact where A or B is singular.
    cross = torch.linalg.svdvals(root(covariance_a).T @ root(covariance_b)).sum()
    trace = covariance_a.trace() + covariance_b.trace() - 2 * cross
    # Rounding may put the distance of a set from itself below zero.
    return max(0.0, float((mean_a - mean_b).square().sum() + trace))


def root(covariance: Tensor) -> Tensor:
    """A matrix R (D, D) with R R^T = covariance; eigenvalues that rounding made negative count as zero."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()
