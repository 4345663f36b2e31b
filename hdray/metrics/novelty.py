"""Does a generator make new shapes, or give back its training shapes? (arXiv 2506.07998 audits HyperDiffusion so.)

For each generated shape the nearest training shapes, in weights and in Chamfer distance. A distance means little alone,
so two kinds of shapes are measured the same way beside it: held-out shapes, which are new and real, and training
vectors with noise added, which are copies. Generated shapes as far from training as held-out ones are new; as near as
the noisy copies, they are memorised.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nearest:
    """The k nearest training shapes of N shapes: `indices` (N, k) int64 and `distances` (N, k), nearest first."""

    indices: Tensor
    distances: Tensor


@dataclass(frozen=True)
class Novelty:
    """Distances to the nearest training shape in one `space` ("weights" or "chamfer"), (N,) each."""

    space: str
    generated: Tensor
    held_out: Tensor
    noise: Tensor

    def summary(self) -> dict[str, float]:
        """Medians of the three, and how often a generated shape is farther from training than one of the others.

        farther_than_held_out is 0.5 where generated shapes are as new as held-out ones, and near 0 where they are
        copies; farther_than_noise is 0.5 where they are like noisy copies, and near 1 where they are new. copying_z is
        how sure that is: below -1.96, generated shapes are nearer to training than held-out ones are (`copying_z`). NaN
        where there is nothing to compare.
        """
        return {
            "generated": median(self.generated),
            "held_out": median(self.held_out),
            "noise": median(self.noise),
            "farther_than_held_out": farther(self.generated, self.held_out),
            "farther_than_noise": farther(self.generated, self.noise),
            "copying_z": copying_z(self.generated, self.held_out),
        }


def nearest(distances: Tensor, count: int) -> Nearest:
    """The `count` smallest (all, if there are fewer) in each row of distances (N, T); of equals the first."""
    ordered, indices = distances.sort(dim=1, stable=True)
    return Nearest(indices[:, :count], ordered[:, :count])


def novelty(space: str, generated: Tensor, held_out: Tensor, noise: Tensor) -> Novelty:
    """From distances (N, T) of each kind of shape to the T training shapes. Empty shapes are left out by the caller."""
    if not generated.shape[1]:
        raise ValueError("novelty needs training shapes to compare with")
    return Novelty(space, generated.amin(dim=1), held_out.amin(dim=1), noise.amin(dim=1))


def weight_distances(a: Tensor, b: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Euclidean distances (N, M) float32 on the CPU between vectors a (N, D) and b (M, D); 0 for equal vectors."""
    left, right = a.to(device, torch.float32), b.to(device, torch.float32)
    # Differences, not a matrix product: that one would not see that two vectors are the same.
    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist").cpu()


def farther(a: Tensor, b: Tensor) -> float:
    """How often an entry of a (N,) is larger than one of b (M,), over all pairs; ties count half. NaN without pairs."""
    above = (a[:, None] > b).double() + 0.5 * (a[:, None] == b).double()
    return float(above.mean())


def copying_z(generated: Tensor, held_out: Tensor) -> float:
    """Mann-Whitney Z of the distances to training of generated (N,) against held-out shapes (M,).

    The normal score of `farther` (ties corrected, no continuity correction) under equal distributions: below -1.96 the
    generator copies, above 1.96 its shapes are farther from training than real ones (the data-copying test of Meehan et
    al. 2020, arXiv 2004.05675, without their cells). NaN without pairs or where all distances are equal.
    """
    n, m = len(generated), len(held_out)
    ties = torch.cat([generated, held_out]).unique(return_counts=True)[1].tolist()
    if not n or not m or len(ties) == 1:
        return float("nan")
    total = n + m
    variance = n * m / 12 * (total + 1 - sum(tied**3 - tied for tied in ties) / (total * (total - 1)))
    return (farther(generated, held_out) - 0.5) * n * m / variance**0.5


def median(values: Tensor) -> float:
    """The middle value, the mean of the two in the middle of an even number; NaN of none."""
    return float(values.double().quantile(0.5)) if len(values) else float("nan")
