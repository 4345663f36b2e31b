"""Density and coverage (Naeem et al. 2020, arXiv 2002.09797): how real generated samples look, and what they leave out.

Each reference carries a ball that reaches to its k-th nearest other reference. Both numbers are of matrices of
distances, whatever the distance is. As in the authors' code a sample on the border of a ball is not in it, so that a set
has density and coverage 1 against itself.
"""

import torch
from torch import Tensor


def density_coverage(reference_generated: Tensor, reference_reference: Tensor, k: int) -> dict[str, float]:
    """{"density", "coverage"} of distances (R, G) and (R, R).

    density: in how many balls a generated sample lies, on average, over k; 1 is expected of equal distributions, and it
    may be more. coverage: the share of balls that hold a generated sample; 1 - (1 / 2)^k is expected of equal
    distributions and sizes. Infinite distances (empty shapes) are in no ball.

    Raises ValueError where k is not below the number of references, or nothing was generated.
    """
    references, generated = reference_generated.shape
    if reference_reference.shape != (references, references):
        raise ValueError(f"distances are {tuple(reference_generated.shape)} and {tuple(reference_reference.shape)}")
    if not 0 < k < references or not generated:
        raise ValueError(f"k = {k} needs generated samples, of which there are {generated}, and more than k references")
    others = reference_reference.clone()
    others.fill_diagonal_(torch.inf)
    radius = others.kthvalue(k, dim=1).values  # (R,)
    inside = reference_generated < radius[:, None]
    return {
        "density": float(inside.sum()) / (k * generated),
        "coverage": float(inside.any(dim=1).double().mean()),
    }
