"""Matrices of distances between shapes as Ray tasks, a block of pairs each: on all cores and GPUs of the cluster."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix_of_sizes
from hdray.metrics.emd import emd_matrix
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import ray

BLOCK = {"chamfer": 32, "emd": 16}
"""Shapes along either side of a task's block: seconds of work on a core at the usual numbers of points."""
PROGRESS_S = 10.0


def pairwise(
    distance: str,
    a: Sequence[Tensor],
    b: Sequence[Tensor] | None,
    *,
    squared: bool,
    resources: Resources,
) -> Tensor:
    """Distances (N, M) float32 of clouds a (P, 3) from clouds b; without `b` of a from itself, each pair once.

    distance: chamfer, or emd (clouds of one size). The clouds are in the object store once, however many tasks read
    them. A task holds a block of the matrix and the scratch of its distances, nothing that grows with the sets.
    """
    import ray

    size = BLOCK[distance]
    left = _stored(a)
    right = left if b is None else _stored(b)
    columns = len(a) if b is None else len(b)
    gpus = resources.gpus_per_actor if distance == "chamfer" else 0
    task = ray.remote(_block).options(num_cpus=0 if gpus else 1, num_gpus=gpus)
    waiting: dict[ray.ObjectRef[np.ndarray], tuple[int, int]] = {}
    for row in range(0, len(a), size):
        for column in range(row if b is None else 0, columns, size):
            within = b is None and row == column
            waiting[task.remote(distance, left, right, row, column, size, within, squared)] = (row, column)
    result = torch.zeros(len(a), columns)
    done = 0
    with Progress(f"blocks of the {distance} matrix {len(a)} x {columns}", len(waiting), lambda: done, PROGRESS_S):
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            row, column = waiting.pop(ready)
            block = torch.from_numpy(ray.get(ready).copy())
            result[row : row + len(block), column : column + block.shape[1]] = block
            if b is None:
                result[column : column + block.shape[1], row : row + len(block)] = block.T
            done += 1
    return result


def _stored(clouds: Sequence[Tensor]) -> "ray.ObjectRef[tuple[np.ndarray, np.ndarray]]":
    """Clouds in the object store: all points after one another, and where each cloud ends."""
    import numpy as np
    import ray

    points = torch.cat(list(clouds)) if clouds else torch.empty(0, 3)
    return ray.put((points.numpy(), np.cumsum([0, *(len(cloud) for cloud in clouds)])))


def _part(stored: "tuple[np.ndarray, np.ndarray]", first: int, size: int) -> list[Tensor]:
    points, ends = stored
    last = min(first + size, len(ends) - 1)
    # Copied: what lies in the object store may not be written to, and torch would warn of that.
    return [torch.from_numpy(points[ends[row] : ends[row + 1]].copy()) for row in range(first, last)]


def _block(
    distance: str,
    left: "tuple[np.ndarray, np.ndarray]",
    right: "tuple[np.ndarray, np.ndarray]",
    row: int,
    column: int,
    size: int,
    within: bool,
    squared: bool,
) -> "np.ndarray":
    """A Ray task: distances of `size` clouds from `row` on, to those from `column` on or among themselves."""
    use_threads(1)  # there is a task to a core
    rows = _part(left, row, size)
    columns = None if within else _part(right, column, size)
    if distance == "emd":
        return emd_matrix(torch.stack(rows), None if columns is None else torch.stack(columns), squared=squared).numpy()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return chamfer_matrix_of_sizes(rows, columns, squared=squared, device=device).numpy()
