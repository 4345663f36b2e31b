"""The matrices behind MMD, COV and 1-NNA of 600 generated against 600 reference clouds of 2,048 points.

Ours is what jobs/evaluate.py does: `hdray.pipeline.pairwise`, all three matrices, on a Ray cluster of this machine's cores.
The baseline is the straightforward way: for every pair of clouds the full matrix of distances (torch.cdist, on all cores)
and its minimum both ways, within a set each pair once. Both are measured on a part of the work, in turns, and multiplied up
by the number of pairs: minutes for the whole. Of ours the end of each matrix counts, where cores run out of blocks; it
weighs more in the part than in the whole. Starting Ray does not count, memory is that of all its processes.
"""

import math
import os
import statistics
import time
from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import torch
from torch import Tensor

from benchmarks.cluster import local_cluster
from benchmarks.peak import PeakMemory
from hdray.pipeline.cluster import Resources
from hdray.pipeline.pairwise import BLOCK, pairwise

POINTS = 2_048
CLOUDS = 600
BLOCKS_A_CORE = 8
"""Least blocks of the largest matrix for each core, in the part that is measured: of four a core, one in ten waited at its end."""
LOOPED = 8
"""Clouds of either set in the baseline's part; all its pairs cost the same."""
ROUNDS = 3
OBJECT_STORE_BYTES = 2**28


def measure() -> dict[str, float]:
    """Minutes for the whole, and the peak of memory with ours: {"ours", "baseline", "ratio", "peak_mb"}.

    Raises AssertionError where the distances differ.
    """
    side = BLOCK["chamfer"] * math.ceil(math.sqrt(BLOCKS_A_CORE * (os.cpu_count() or 1)))
    part = min(CLOUDS, side)
    stream = torch.Generator().manual_seed(0)
    generated, references = (_clouds(part, stream) for _ in range(2))
    few = generated[:LOOPED], references[:LOOPED]
    ours, baseline = [], []
    with local_cluster(OBJECT_STORE_BYTES) as resources, PeakMemory() as peak:
        _blocks(generated[:2], references[:2], resources)  # warm up: workers import torch
        _loop(generated[:1], references[:1])
        for _ in range(ROUNDS):
            found, seconds = _timed(lambda: _blocks(generated, references, resources))
            ours.append(seconds / 60 * _pairs(CLOUDS) / _pairs(part))
            looped, seconds = _timed(lambda: _loop(*few))
            baseline.append(seconds / 60 * _pairs(CLOUDS) / _pairs(LOOPED))
            for matrix, expected in zip(found, looped, strict=True):  # the loop's own rounding is the larger part
                np.testing.assert_allclose(matrix[:LOOPED, :LOOPED], expected, rtol=1e-3, atol=1e-6)
    print(
        f"evaluation: {CLOUDS} x {CLOUDS} clouds of {POINTS} points in minutes, measured on {part} x {part} (blocks, "
        f"{os.cpu_count()} cores) and {LOOPED} x {LOOPED} (loop, {torch.get_num_threads()} threads)"
    )
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    result |= {"ratio": result["baseline"] / result["ours"], "peak_mb": peak.mb}
    print(
        f"blocks {result['ours']:.2f}, loop {result['baseline']:.2f}, ratio {result['ratio']:.2f}; memory of the driver, "
        f"Ray and its workers at most {peak.mb:.0f} MB"
    )
    return result


Matrices = tuple[Tensor, Tensor, Tensor]


def _blocks(a: Tensor, b: Tensor, resources: Resources) -> Matrices:
    """Of a from b, and within each."""
    return (
        pairwise("chamfer", list(a), list(b), squared=True, resources=resources),
        pairwise("chamfer", list(a), None, squared=True, resources=resources),
        pairwise("chamfer", list(b), None, squared=True, resources=resources),
    )


def _loop(a: Tensor, b: Tensor) -> Matrices:
    """The same, the straightforward way."""
    across = torch.zeros(len(a), len(b))
    for row, column in product(range(len(a)), range(len(b))):
        across[row, column] = _distance(a[row], b[column])
    within = []
    for clouds in (a, b):
        matrix = torch.zeros(len(clouds), len(clouds))
        for row, column in combinations(range(len(clouds)), 2):
            matrix[row, column] = matrix[column, row] = _distance(clouds[row], clouds[column])
        within.append(matrix)
    return across, within[0], within[1]


def _distance(x: Tensor, y: Tensor) -> Tensor:
    distances = torch.cdist(x, y)
    return distances.amin(dim=1).square().mean() + distances.amin(dim=0).square().mean()


def _pairs(clouds: int) -> int:
    """Pairs of clouds in the three matrices: the diagonal is no work, and of the rest within a set half is done."""
    return clouds**2 + clouds * (clouds - 1)


def _timed(work: Callable[[], Matrices]) -> tuple[Matrices, float]:
    begin = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begin


def _clouds(count: int, stream: torch.Generator) -> Tensor:
    """Points on ellipsoids of random proportions, (count, POINTS, 3)."""
    directions = torch.nn.functional.normalize(torch.randn(count, POINTS, 3, generator=stream), dim=2)
    return directions * (0.2 + 0.3 * torch.rand(count, 1, 3, generator=stream))


if __name__ == "__main__":
    print(measure())
