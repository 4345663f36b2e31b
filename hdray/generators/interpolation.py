"""Vectors between vectors, for pictures of what lies between shapes (You et al. 2023, Figures 3 and 7)."""

import torch
from torch import Tensor


def linear(first: Tensor, last: Tensor, count: int) -> Tensor:
    """`count` vectors (count, D), evenly spaced on the straight line from first (D,) to last (D,), which come back exactly.

    Straight, not along a sphere: so the paper's figures go, and so fits are averaged (`weight_structure.midpoints`); a
    fitted vector's length means something, unlike a Gaussian latent's. Raises ValueError for vectors of different sizes,
    or fewer than two.
    """
    if first.dim() != 1 or first.shape != last.shape or count < 2:
        raise ValueError(
            f"{count} vectors from {tuple(first.shape)} to {tuple(last.shape)}; it needs two of one (D,) and 2 or more"
        )
    share = torch.linspace(0, 1, count, dtype=torch.float64, device=first.device).unsqueeze(1)  # (count, 1)
    return ((1 - share) * first.double() + share * last.double()).to(first.dtype)
