"""Vectors turned so that they need no more coordinates than there are vectors; nothing that inner products tell is lost.

N vectors of D entries span at most N dimensions. In an orthonormal basis of that span they are N x N instead of N x D,
with the same lengths, angles and distances: nearest neighbours, k-means and principal components come out the same, and
so does a linear classifier under an L2 penalty, whose weights lie in the span of its training vectors (the representer
theorem; Schoelkopf, Herbrich and Smola 2001). It is a rotation and leaves nothing out, unlike a projection to a few
principal components.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 2**24
"""Entries copied to float64 at a time."""


def compact(vectors: Tensor, *, standardise: bool = False, device: torch.device | str = "cpu") -> Tensor:
    """Coordinates (N, min(N, D)) float64 on the CPU with the inner products of vectors (N, D).

    With `standardise` of the vectors after each entry has had its mean over all N subtracted and been divided by its
    (population) standard deviation; entries that are the same in all vectors, which have none, count as 0. Holds N^2
    numbers in float64 and blocks of columns, never a copy of the vectors. Raises ValueError where an entry is not
    finite.
    """
    if vectors.dim() != 2 or not vectors.numel():
        raise ValueError(f"vectors must be (N, D), not {tuple(vectors.shape)}")
    count, size = vectors.shape
    blocks = _column_blocks(vectors, standardise, device)
    if size <= count:
        return torch.cat([block.cpu() for block in blocks], dim=1)
    products = torch.zeros(count, count, dtype=torch.float64, device=device)
    for block in blocks:
        products.addmm_(block, block.T)
    values, basis = torch.linalg.eigh(products)
    # Rounding may put an eigenvalue of zero below zero.
    return (basis * values.clamp(min=0).sqrt()).flip(1).cpu()


def _column_blocks(vectors: Tensor, standardise: bool, device: torch.device | str) -> Iterator[Tensor]:
    """The vectors, standardised or not, some columns (N, c) float64 at a time."""
    for columns in vectors.split(max(1, BLOCK // len(vectors)), dim=1):
        block = columns.to(device).double()
        if not block.isfinite().all():
            raise ValueError("vectors with entries that are not finite")
        if standardise:
            spread = block.std(dim=0, correction=0)
            block = ((block - block.mean(dim=0)) / spread).where((block != block[0]).any(dim=0), 0.0)
        yield block
