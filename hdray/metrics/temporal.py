"""Distances between animations: the mean over frames of the distance between their frames (HyperDiffusion, section 6.3).

Still shapes are clouds (N, P, 3); animations (N, T, P, 3), compared frame by frame. Both go through here.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes
from hdray.metrics.normalise import normalise
from hdray.metrics.trees import distances_of_pairs
from hdray.threads import on_threads


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


def distances_of_partners(a: Tensor, b: Tensor, *, squared: bool = True) -> Tensor:
    """Chamfer distance (N,) float32 of each still shape (N, P, 3), or animation (N, T, P, 3), from the one of its row in b."""
    one, other = (clouds.unsqueeze(1) if clouds.dim() == 3 else clouds for clouds in (a, b))
    pairs = [(frame, frame) for frame in range(one.shape[1])]

    def distance(row: int) -> float:
        return float(distances_of_pairs(_array(one[row]), _array(other[row]), pairs, squared).mean())

    return _per_shape(distance, len(a))


def steps(clouds: Tensor, *, squared: bool = True) -> Tensor:
    """How far animations (N, T, P, 3) move from frame to frame: the Chamfer distance of neighbouring frames, (N,) float32.

    Two samples of one surface are apart too, by as much as an animal walks in a frame. So the points of each frame are
    halved, and the distance of one half from the other half of the *same* frame is taken off that from the other half
    of the next: as many points on either side, as the mean over both ways and all neighbours. What stands still comes
    to 0 within noise, so a value may be slightly negative.

    Raises ValueError for fewer than two frames, or two points.
    """
    frames, points = clouds.shape[1:3]
    if frames < 2 or points < 2:
        raise ValueError(f"{frames} frames of {points} points show no step: two of either are needed")
    nexts = [(t, t + 1) for t in range(frames - 1)]
    pairs = [*nexts, *[(later, t) for t, later in nexts], *[(t, t) for t in range(frames)]]

    def step(row: int) -> float:
        # Every other point: halves are alike in whatever order points come. (T, P / 2, 3) each.
        one, other = (_array(clouds[row, :, start : points - points % 2 : 2]) for start in (0, 1))
        distances = distances_of_pairs(one, other, pairs, squared)
        moved, floor = np.split(distances, [2 * len(nexts)])
        return float(moved.mean() - (floor[:-1].mean() + floor[1:].mean()) / 2)

    return _per_shape(step, len(clouds))


def _per_shape(value: Callable[[int], float], count: int) -> Tensor:
    """value(0), ..., value(count - 1) float32, a shape to a thread at a time."""
    values = np.zeros(count)

    def fill(row: int) -> None:
        values[row] = value(row)

    on_threads(fill, count, torch.get_num_threads())
    return torch.from_numpy(values).float()


def _array(clouds: Tensor) -> np.ndarray:
    return clouds.double().cpu().numpy()
