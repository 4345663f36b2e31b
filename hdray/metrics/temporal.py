"""Distances between animations: the mean over frames of the distance between their frames (HyperDiffusion, section 6.3).

Still shapes are clouds (N, P, 3); animations (N, T, P, 3), compared frame by frame. Both go through here.
"""

import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.normalise import normalise


def chamfer_distances(
    a: Tensor, b: Tensor | None = None, *, squared: bool = True, device: torch.device | str = "cpu"
) -> Tensor:
    """Chamfer distances (N, M) float32 of still shapes or of animations a from b (without b: from a itself).

    Raises ValueError for animations of different numbers of frames.
    """
    if a.dim() == 3:
        return chamfer_matrix(a, b, squared=squared, device=device)
    if b is not None and b.shape[1] != a.shape[1]:
        raise ValueError(f"animations of {a.shape[1]} frames cannot be compared with animations of {b.shape[1]}")
    total = torch.zeros(len(a), len(a if b is None else b))
    for frame in range(a.shape[1]):
        other = None if b is None else b[:, frame]
        total += chamfer_matrix(a[:, frame], other, squared=squared, device=device)
    return total / a.shape[1]


def normalised(clouds: Tensor, mode: str) -> Tensor:
    """`normalise` for still shapes and animations; the frames of an animation are moved and scaled as one cloud."""
    return normalise(clouds.flatten(1, -2), mode).reshape(clouds.shape)


def steps(clouds: Tensor, *, squared: bool = True) -> Tensor:
    """How far animations (N, T, P, 3) move from frame to frame: mean Chamfer distance of neighbouring frames, (N,)."""
    if not len(clouds):
        return torch.empty(0)
    here, there = clouds[:, :-1].flatten(0, 1), clouds[:, 1:].flatten(0, 1)  # (N (T - 1), P, 3)
    pairs = [chamfer_matrix(one[None], other[None], squared=squared) for one, other in zip(here, there, strict=True)]
    return torch.cat([pair.flatten() for pair in pairs]).reshape(len(clouds), -1).mean(dim=1)
