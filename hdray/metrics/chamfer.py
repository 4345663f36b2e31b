"""Chamfer distances between sets of point clouds: by k-d trees on CPUs, by blocks of all distances on GPUs.

The distance of clouds X and Y is the mean over X of the (squared) distance to the nearest point of Y plus the mean over
Y of the (squared) distance to the nearest point of X: the sum of both directions, as published. In a block both come
from the same distances.

There, differences of coordinates are squared, rather than |x|^2 + |y|^2 - 2 xy expanded into a matrix product: in three
dimensions that is as fast, and the expansion loses the digits of small distances, which are the ones that count.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hdray.metrics.trees import distances_by_trees

BLOCK = 2**27
"""Numbers in one block of distances."""


def chamfer_matrix(
    a: Tensor, b: Tensor | None = None, *, squared: bool = True, device: torch.device | str = "cpu"
) -> Tensor:
    """Chamfer distances (N, M) float32 on the CPU of clouds a (N, P, 3) from clouds b (M, Q, 3).

    Without `b`, of a from itself (N, N), each pair computed once. `squared` means squares of nearest distances (as
    published), otherwise the distances. A distance depends on its two clouds only, not on the others.
    """
    for clouds in (a, a if b is None else b):
        if clouds.dim() != 3 or clouds.shape[2] != 3:
            raise ValueError(f"clouds have shape {tuple(clouds.shape)}; they must be (N, P, 3)")
    device = torch.device(device)
    if device.type == "cpu":
        return torch.from_numpy(distances_by_trees(a, b, squared, torch.get_num_threads())).float()
    # Coordinates first, so that each is contiguous along the points.
    left = a.to(device, torch.float32).transpose(1, 2).contiguous()  # (N, 3, P)
    right = left if b is None else b.to(device, torch.float32).transpose(1, 2).contiguous()  # (M, 3, Q)
    result = torch.zeros(len(left), len(right), device=device)
    for row in range(len(left)):
        first = row + 1 if b is None else 0  # a cloud is at distance 0 from itself
        result[row, first:] = distances_from_one(left[row], right[first:], squared)
    if b is None:
        result += result.T.clone()
    return result.cpu()


def chamfer_matrix_of_sizes(
    a: Sequence[Tensor],
    b: Sequence[Tensor] | None = None,
    *,
    squared: bool = True,
    device: torch.device | str = "cpu",
) -> Tensor:
    """`chamfer_matrix` of clouds (P, 3) of any sizes: on a CPU a tree a cloud, on a GPU those of one size together."""
    for clouds in (a, a if b is None else b):
        if wrong := [tuple(cloud.shape) for cloud in clouds if cloud.dim() != 2 or cloud.shape[1] != 3]:
            raise ValueError(f"a cloud has the shape {wrong[0]}; it must be (P, 3)")
    if torch.device(device).type == "cpu":
        return torch.from_numpy(distances_by_trees(a, b, squared, torch.get_num_threads())).float()
    return matrix_by_sizes(a, b, squared, device)


def matrix_by_sizes(
    a: Sequence[Tensor], b: Sequence[Tensor] | None, squared: bool, device: torch.device | str
) -> Tensor:
    """The same, the clouds of each two sizes as one matrix: what blocks of all distances need."""
    others = a if b is None else b
    result = torch.zeros(len(a), len(others))
    sizes_a, sizes_b = _rows_by_size(a), _rows_by_size(others)
    for size, rows in sizes_a.items():
        left = torch.stack([a[row] for row in rows])
        for other_size, columns in sizes_b.items():
            if b is None and other_size < size:
                continue  # the transposed part has it
            right = None if b is None and size == other_size else torch.stack([others[column] for column in columns])
            part = chamfer_matrix(left, right, squared=squared, device=device)
            result[torch.tensor(rows)[:, None], torch.tensor(columns)] = part
            if b is None and size != other_size:
                result[torch.tensor(columns)[:, None], torch.tensor(rows)] = part.T
    return result


def _rows_by_size(clouds: Sequence[Tensor]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, cloud in enumerate(clouds):
        rows.setdefault(len(cloud), []).append(row)
    return rows


def distances_from_one(cloud: Tensor, others: Tensor, squared: bool) -> Tensor:
    """Chamfer distances (M,) of one cloud (3, P) from others (M, 3, Q)."""
    points, count = cloud.shape[1], others.shape[2]
    rows = max(1, min(points, BLOCK // max(count, 1)))  # points of the cloud at a time
    clouds = max(1, BLOCK // (rows * count))  # other clouds at a time
    result = others.new_empty(len(others))
    for start in range(0, len(others), clouds):
        part = others[start : start + clouds].unsqueeze(2)  # (m, 3, 1, Q)
        shape = (len(part), rows, count)
        total, difference = others.new_empty(shape), others.new_empty(shape)
        from_cloud = others.new_empty(len(part), points)
        to_cloud = others.new_full((len(part), count), torch.inf)
        for low in range(0, points, rows):
            some = cloud[:, low : low + rows, None]  # (3, p, 1)
            d2, scratch = total[:, : some.shape[1]], difference[:, : some.shape[1]]  # (m, p, Q)
            torch.sub(some[0], part[:, 0], out=scratch)
            torch.mul(scratch, scratch, out=d2)
            for axis in (1, 2):
                torch.sub(some[axis], part[:, axis], out=scratch)
                d2.addcmul_(scratch, scratch)
            from_cloud[:, low : low + rows] = d2.amin(dim=2)
            torch.minimum(to_cloud, d2.amin(dim=1), out=to_cloud)
        if not squared:
            from_cloud.sqrt_()
            to_cloud.sqrt_()
        result[start : start + clouds] = from_cloud.mean(dim=1) + to_cloud.mean(dim=1)
    return result
