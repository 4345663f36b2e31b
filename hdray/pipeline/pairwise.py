"""Matrices of distances between shapes as Ray tasks, a block of pairs each: on all cores and GPUs of the cluster."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hdray.metrics.emd import emd_matrix
from hdray.metrics.temporal import chamfer_distances_of_sizes
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.progress import Progress
from hdray.pipeline.windowed import cluster_slots, windowed

if TYPE_CHECKING:
    import numpy as np
    import ray

BLOCK = {"chamfer": 32, "emd": 16}
"""Still shapes along either side of a task's block: seconds of work on a core at the usual numbers of points."""
GPU_BLOCK = 256
"""The same on a GPU, for which the block of a core is too little work to be worth a task."""
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

    distance: chamfer, also of animations (T, P, 3) of one T, or emd (still clouds of one size). The clouds are in the
    object store once, however many tasks read them. A task holds a block of the matrix and the scratch of its distances,
    nothing that grows with the sets.
    """
    import ray

    frames = next((len(cloud) for cloud in a if cloud.dim() == 3), 1)
    gpus = resources.gpus_per_actor if distance == "chamfer" else 0
    size = max(1, round((GPU_BLOCK if gpus else BLOCK[distance]) / frames**0.5))  # as much work, whatever moves
    left = _stored(a)
    right = left if b is None else _stored(b)
    columns = len(a) if b is None else len(b)
    task = ray.remote(_block).options(num_cpus=0 if gpus else 1, num_gpus=gpus)

    def submit(block: tuple[int, int]) -> "ray.ObjectRef[np.ndarray]":
        row, column = block
        return task.remote(distance, left, right, row, column, size, b is None and row == column, squared)

    blocks = [
        (row, column) for row in range(0, len(a), size) for column in range(row if b is None else 0, columns, size)
    ]
    result = torch.zeros(len(a), columns)
    done = 0
    with Progress(f"blocks of the {distance} matrix {len(a)} x {columns}", len(blocks), lambda: done, PROGRESS_S):
        for (row, column), found in windowed(blocks, submit, partial(cluster_slots, gpus)):
            block = torch.from_numpy(found.copy())
            result[row : row + len(block), column : column + block.shape[1]] = block
            if b is None:
                result[column : column + block.shape[1], row : row + len(block)] = block.T
            done += 1
    return result


Stored = tuple["np.ndarray", "np.ndarray", list[torch.Size]]


def _stored(clouds: Sequence[Tensor]) -> "ray.ObjectRef[Stored]":
    """Clouds in the object store: all points after one another, where each cloud ends, and its shape."""
    import numpy as np
    import ray

    flat = [cloud.reshape(-1, 3) for cloud in clouds]
    points = torch.cat(flat) if flat else torch.empty(0, 3)
    return ray.put((points.numpy(), np.cumsum([0, *map(len, flat)]), [cloud.shape for cloud in clouds]))


def _part(stored: Stored, first: int, size: int) -> list[Tensor]:
    points, ends, shapes = stored
    last = min(first + size, len(shapes))
    # Copied: what lies in the object store may not be written to, and torch would warn of that.
    return [
        torch.from_numpy(points[ends[row] : ends[row + 1]].copy()).reshape(shapes[row]) for row in range(first, last)
    ]


def _block(
    distance: str,
    left: Stored,
    right: Stored,
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
    device = worker_device()
    return chamfer_distances_of_sizes(rows, columns, squared=squared, device=device).numpy()
