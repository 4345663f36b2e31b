"""How weights are spread in their space: do fits of one shape from two starts agree, and what lies between them?

The analysis of the mLoRA paper (arXiv 2512.01759, section 4.2 and Figure 3): every instance is fitted from a start and
again from a perturbed one, the two vectors are compared by their cosine, and so is the surface of the field half-way
between them with the instance's own. Shapes: N instances, D entries of a vector.

The paper's cosine is of vectors as they are. Where all vectors have a part in common (starts near one, a mean shape), it is
near 1 even between fits of different shapes: 0.96 where that part is five times as long as the rest. So there is a cosine
after their common mean is subtracted, too.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hdray.metrics.novelty import weight_distances

BLOCK = 2**22
"""Entries of vectors that are float64 at a time."""


def perturbed_start(first: Tensor, second: Tensor, strength: float, mean: Tensor | float = 0.0) -> Tensor:
    """sqrt(1 - l^2) i1 + l i2 of independent starts i1, i2 (..., D) of one distribution, l being the strength.

    It has the variance of its two parts. `mean` is that of the distribution where it is not zero (starts near one):
    what is mixed are the differences from it.

    Raises ValueError for a strength outside 0 ... 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"a perturbation of strength {strength}; it must be between 0 and 1")
    return mean + (1 - strength**2) ** 0.5 * (first - mean) + strength * (second - mean)


def paired_cosines(first: Tensor, second: Tensor, *, centred: bool) -> Tensor:
    """Cosines (N,) float64 of row i of first (N, D) with row i of second (N, D): fits of the same instances.

    `centred`: after subtracting the mean of all 2 N vectors, so that a displacement from one set to the other, which all
    fits of another start may share, counts as a difference; unrelated vectors then have -1 / (2 N - 1) on average, and N = 1
    would always have -1. NaN where a vector is zero.
    """
    _check_pairs(first, second)
    mean = _common_mean(first, second) if centred else first.new_zeros(first.shape[1], dtype=torch.float64)
    rows = _rows(first)
    cosines = [
        (_directions(one, mean) * _directions(other, mean)).sum(dim=1)
        for one, other in zip(first.split(rows), second.split(rows), strict=True)
    ]
    return torch.cat(cosines)


@dataclass(frozen=True)
class Agreement:
    """Mean distances between two sets of fits of the same instances."""

    same: float
    """Of the two fits of an instance."""
    different: float
    """Of a fit in one set and that of another instance in the other."""

    @property
    def ratio(self) -> float:
        """0 where both fits of an instance agree, 1 where a vector does not tell whose it is."""
        return self.same / self.different if self.different else float("nan")


def agreement(first: Tensor, second: Tensor, device: torch.device | str = "cpu") -> Agreement:
    """Euclidean distances of fits first (N, D) and second (N, D), row i of both being one instance, by blocks.

    Raises ValueError for fewer than two instances.
    """
    _check_pairs(first, second)
    count, rows = len(first), _rows(first)
    if count < 2:
        raise ValueError("the distance of different instances needs two instances or more")
    total = same = 0.0
    for start in range(0, count, rows):
        distances = weight_distances(first[start : start + rows], second, device).double()  # (rows, N)
        total += float(distances.sum())
        same += float(distances.diagonal(offset=start).sum())
    return Agreement(same / count, (total - same) / (count * (count - 1)))


def midpoints(first: Tensor, second: Tensor) -> Tensor:
    """(phi + phi') / 2, the vectors (N, D) half-way between first (N, D) and second (N, D)."""
    _check_pairs(first, second)
    return (first + second) / 2


@dataclass(frozen=True)
class Barrier:
    """What lies half-way between two fits of an instance, N of them; infinite where a field has no surface."""

    height: Tensor
    """(N,) float64: Chamfer distance of the midpoint's surface to the truth, the paper's barrier b(phi, phi')."""
    excess: Tensor
    """(N,) float64: the same less the mean of the two fits' own distances. It is 0 on a path as good as its ends, where
    `height` is what the fits themselves miss. NaN where one of the ends has no surface."""


def barrier(midpoint: Tensor, first: Tensor, second: Tensor) -> Barrier:
    """From the distances to the truth, (N,) each, of the midpoint's surface and of those of the two fits."""
    if midpoint.dim() != 1 or not midpoint.shape == first.shape == second.shape or not len(midpoint):
        shapes = ", ".join(str(tuple(part.shape)) for part in (midpoint, first, second))
        raise ValueError(f"distances have shapes {shapes}; all must be one (N,)")
    height, ends = midpoint.double(), (first.double() + second.double()) / 2
    return Barrier(height, torch.where(ends.isinf(), torch.nan, height - ends))


def basis_similarity(weights: Tensor) -> Tensor:
    """Absolute cosines (M, M) float64 between a layer's weight matrices (M, out, in) in M basis networks, 0 with itself.

    mNIF (You et al., NeurIPS 2023), section 5.3.3 and Figure 4: small values say that bases are diverse.
    """
    if weights.dim() != 3:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; those of a layer are (bases, out, in)")
    unit = torch.nn.functional.normalize(weights.flatten(1).double(), dim=1)
    return (unit @ unit.T).abs().fill_diagonal_(0.0)


def _directions(vectors: Tensor, mean: Tensor) -> Tensor:
    """Unit vectors (n, D) float64 of vectors (n, D) less the mean (D,); NaN where nothing is left."""
    centred = vectors.double() - mean
    return centred / centred.norm(dim=1, keepdim=True)


def _common_mean(first: Tensor, second: Tensor) -> Tensor:
    """(D,) float64, of the rows of both."""
    total = sum(part.double().sum(dim=0) for vectors in (first, second) for part in vectors.split(_rows(vectors)))
    return total / (len(first) + len(second))


def _rows(vectors: Tensor) -> int:
    return max(1, BLOCK // vectors.shape[1])


def _check_pairs(first: Tensor, second: Tensor) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} vectors; row i of both must be the same instance")
    if first.dim() != 2 or second.dim() != 2 or first.shape[1] != second.shape[1] or not first.numel():
        raise ValueError(f"vectors have shapes {tuple(first.shape)} and {tuple(second.shape)}; they must be (N, D)")
