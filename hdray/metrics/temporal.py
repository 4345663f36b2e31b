"""Distances between animations: the mean over frames of the distance between their frames (HyperDiffusion, section 6.3).

Still shapes are clouds (N, P, 3); animations (N, T, P, 3), compared frame by frame. Both go through here.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes
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


def chamfer_distances_of_sizes(
    a: Sequence[Tensor],
    b: Sequence[Tensor] | None = None,
    *,
    squared: bool = True,
    device: torch.device | str = "cpu",
) -> Tensor:
    """`chamfer_distances` (N, M) of still shapes (P, 3) or animations (T, P, 3) of any numbers of points P.

    Raises ValueError where they have not all the same number of frames.
    """
    frames = {len(cloud) if cloud.dim() == 3 else 0 for cloud in (*a, *(b or ()))} or {0}
    if len(frames) > 1:
        raise ValueError(f"shapes of {' and '.join(map(str, sorted(frames)))} frames cannot be compared")
    (count,) = frames
    if not count:
        return chamfer_matrix_of_sizes(a, b, squared=squared, device=device)
    total = torch.zeros(len(a), len(a if b is None else b))
    for frame in range(count):
        other = None if b is None else [cloud[frame] for cloud in b]
        total += chamfer_matrix_of_sizes([cloud[frame] for cloud in a], other, squared=squared, device=device)
    return total / count


def normalised(clouds: Tensor, mode: str) -> Tensor:
    """`normalise` for still shapes (N, P, 3) and animations (N, T, P, 3).

    The frames of an animation are moved and scaled as one cloud; by extent they are scaled so, and each is moved by its
    own mean (what walks stays in place), as in HyperDiffusion's code.
    """
    if mode == "extent":
        clouds = clouds - clouds.mean(dim=-2, keepdim=True)
    return normalise(clouds.flatten(1, -2), mode).reshape(clouds.shape)


def steps(clouds: Tensor, *, squared: bool = True) -> Tensor:
    """How far animations (N, T, P, 3) move from frame to frame: mean Chamfer distance of neighbouring frames, (N,)."""
    if not len(clouds):
        return torch.empty(0)
    here, there = clouds[:, :-1].flatten(0, 1), clouds[:, 1:].flatten(0, 1)  # (N (T - 1), P, 3)
    pairs = [chamfer_matrix(one[None], other[None], squared=squared) for one, other in zip(here, there, strict=True)]
    return torch.cat([pair.flatten() for pair in pairs]).reshape(len(clouds), -1).mean(dim=1)
