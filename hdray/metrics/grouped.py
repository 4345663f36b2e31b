"""Nearest neighbours between clouds without looking at most pairs of points: points in groups, groups in boxes.

Each cloud is cut into groups of near points. Between two clouds every group is first compared with the other cloud's
group whose centre is nearest, which bounds how far the nearest neighbours of its points can be; then only with the groups
whose boxes reach into that bound. What is left out cannot be nearest, so the distances are those of all pairs, digit for
digit. Of clouds on surfaces a fifth of the pairs is looked at. On a GPU, looking at all of them is faster.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

GROUP = 32
"""Points of a group, or a multiple of it in clouds so large that there would be more than MOST_GROUPS of them.

Blocks of groups are whole vectors of the processor then, all of whose entries are rounded alike wherever they stand.
"""
MOST_GROUPS = 128
BLOCK = 2**17
"""Distances computed at a time: they and their scratch should stay in the cache."""
SLACK = 1 - 1e-6
"""A box is this much nearer than it was computed to be, for the rounding of its distance."""


@dataclass(frozen=True)
class Grouped:
    """N clouds of P points in g groups of G: `points` (N, g, 3, G), boxes `low` and `high` (N, g, 3).

    The last group is filled up with copies of its last point, behind the first P of g G points.
    """

    points: Tensor
    low: Tensor
    high: Tensor
    size: int

    def part(self, start: int, stop: int) -> "Grouped":
        """Some of the clouds."""
        return Grouped(self.points[start:stop], self.low[start:stop], self.high[start:stop], self.size)


def grouped(clouds: Tensor) -> Grouped:
    """Clouds (N, P, 3) float32 on the CPU, each cut in half along its longest side again and again."""
    size = clouds.shape[1]
    group = GROUP * max(1, -(-size // (MOST_GROUPS * GROUP)))
    groups = -(-size // group)
    ordered = torch.empty(len(clouds), groups * group, 3)
    for row, cloud in enumerate(clouds):
        order = torch.from_numpy(_order(cloud.numpy(), group))
        ordered[row, :size] = cloud[order]
        ordered[row, size:] = cloud[order[-1]]
    points = ordered.unflatten(1, (groups, group)).transpose(2, 3).contiguous()
    return Grouped(points, points.amin(dim=3), points.amax(dim=3), size)


def nearest_squared(one: Grouped, others: Grouped) -> tuple[Tensor, Tensor]:
    """Squared distances of one cloud's points to the nearest of each of M others, (M, P), and of theirs to its, (M, Q).

    In the order of the groups. NaN where coordinates are not numbers.
    """
    (groups_x, _, group_x), (count, groups_y, _, group_y) = one.points.shape[1:], others.points.shape
    apart = _box_distances(one, others)  # (M, gx, gy)
    centres = torch.cdist(one.low + one.high, others.low + others.high)  # twice their distances; boxes may overlap
    first = torch.zeros_like(apart, dtype=torch.bool)
    first.scatter_(2, centres.argmin(dim=2, keepdim=True), True)
    first.scatter_(1, centres.argmin(dim=1, keepdim=True), True)
    from_one = apart.new_full((count * groups_x, group_x), torch.inf)
    to_one = apart.new_full((count * groups_y, group_y), torch.inf)
    _look(first, one, others, from_one, to_one)
    reach_x = from_one.amax(dim=1).view(count, groups_x, 1)
    reach_y = to_one.amax(dim=1).view(count, 1, groups_y)
    near = apart.mul_(SLACK)
    _look(((near <= reach_x) | (near <= reach_y)) & ~first, one, others, from_one, to_one)
    return from_one.view(count, -1)[:, : one.size], to_one.view(count, -1)[:, : others.size]


def _box_distances(one: Grouped, others: Grouped) -> Tensor:
    """Squared distances (M, gx, gy) between boxes, 0 where they overlap."""
    total: Tensor | None = None
    for axis in range(3):
        gap = torch.maximum(
            one.low[:, :, None, axis] - others.high[:, None, :, axis],
            others.low[:, None, :, axis] - one.high[:, :, None, axis],
        ).clamp_(min=0)
        total = gap * gap if total is None else total.addcmul_(gap, gap)
    assert total is not None
    return total


def _look(pairs: Tensor, one: Grouped, others: Grouped, from_one: Tensor, to_one: Tensor) -> None:
    """Compare the groups where `pairs` (M, gx, gy) is true; lower from_one (M gx, Gx) and to_one (M gy, Gy)."""
    (groups_x, _, group_x), (_, groups_y, _, group_y) = one.points.shape[1:], others.points.shape
    cloud, left, right = pairs.nonzero(as_tuple=True)
    rows, columns = cloud * groups_x + left, cloud * groups_y + right
    all_x, all_y = one.points[0], others.points.flatten(0, 1)
    step = max(1, BLOCK // (group_x * group_y))
    for start in range(0, len(cloud), step):
        some = slice(start, start + step)
        x, y = all_x[left[some]].unsqueeze(3), all_y[columns[some]].unsqueeze(2)  # (n, 3, Gx, 1), (n, 3, 1, Gy)
        difference = x[:, 0] - y[:, 0]
        squared = difference * difference
        for axis in (1, 2):
            torch.sub(x[:, axis], y[:, axis], out=difference)
            squared.addcmul_(difference, difference)
        _lower(from_one, rows[some], squared.amin(dim=2))
        _lower(to_one, columns[some], squared.amin(dim=1))


def _lower(smallest: Tensor, rows: Tensor, values: Tensor) -> None:
    """smallest[rows] = the smaller of it and values, rows repeating."""
    smallest.scatter_reduce_(0, rows[:, None].expand_as(values), values, "amin")


def _order(cloud: np.ndarray, group: int) -> np.ndarray:
    """Indices (P,) of a cloud (P, 3) such that every `group` of them are near each other."""

    def halves(indices: np.ndarray) -> list[np.ndarray]:
        groups = -(-len(indices) // group)
        if groups == 1:
            return [indices]
        points = cloud[indices]
        along = points[:, np.ptp(points, axis=0).argmax()]
        middle = groups // 2 * group
        parts = np.argpartition(along, middle)
        return halves(indices[parts[:middle]]) + halves(indices[parts[middle:]])

    return np.concatenate(halves(np.arange(len(cloud))))
