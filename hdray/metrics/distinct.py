"""Samples that are the least like other samples, by their vectors: what HyperDiffusion's code keeps of the chairs."""

import torch
from torch import Tensor

from hdray.metrics.novelty import weight_distances

KEPT_SHARE = 1.01
"""Samples that are kept for each reference."""


def kept_count(generated: int, references: int) -> int:
    """How many of the generated are kept: all, if there are no more than `KEPT_SHARE` times as many as references."""
    return min(generated, int(KEPT_SHARE * references))


def most_distinct(theta: Tensor, count: int, device: torch.device | str = "cpu") -> Tensor:
    """Indices (count,), ascending, of the vectors (N, D) whose nearest other one is farthest; of equals the first.

    As HyperDiffusion's code has it (`dedup`, with two times as many chairs as references): distances are looked at once,
    so that of two equal vectors neither is kept before all others are. Vectors that are not finite come last.
    """
    finite = theta.isfinite().all(dim=1)
    gaps = torch.full((len(theta),), -1.0)
    if int(finite.sum()) > 1:
        distances = weight_distances(theta[finite], theta[finite], device).fill_diagonal_(torch.inf)
        gaps[finite] = distances.amin(dim=1).float()
    else:
        gaps[finite] = torch.inf
    return gaps.argsort(descending=True, stable=True)[:count].sort().values
