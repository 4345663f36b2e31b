"""The matrices behind MMD, COV and 1-NNA of 600 generated against 600 reference clouds of 2,048 points.

Ours is what jobs/evaluate.py does, all three matrices. The baseline is the straightforward way: for every pair of clouds
in each of the three matrices the full matrix of distances (torch.cdist) and its minimum both ways. Both are measured on a
part of the work, in turns, and multiplied up by the number of pairs: minutes for the whole.
"""

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix

POINTS = 2_048
CLOUDS = 600
PART = 24
"""Clouds of either set in the part that is measured."""
LOOPED = 6
"""Clouds of either set in the baseline's part; all its pairs cost the same."""
ROUNDS = 5


def measure() -> dict[str, float]:
    """Minutes for the whole: {"ours", "baseline", "ratio"}. Raises AssertionError where the distances differ."""
    stream = torch.Generator().manual_seed(0)
    generated, references = (_clouds(stream) for _ in range(2))
    _loop(generated[:1], references[:1])  # warm up
    chamfer_matrix(generated[:1], references[:1])
    ours, baseline = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        across = chamfer_matrix(generated, references)
        middle = time.perf_counter()
        chamfer_matrix(generated)
        chamfer_matrix(references)
        end = time.perf_counter()
        # Within a set only half of the pairs is computed, whatever their number: the diagonal is no work.
        within = PART * (PART - 1) / (CLOUDS * (CLOUDS - 1))
        ours.append((middle - begin) * (CLOUDS / PART) ** 2 + (end - middle) / within)
        begin = time.perf_counter()
        looped = _loop(generated[:LOOPED], references[:LOOPED])
        baseline.append((time.perf_counter() - begin) * 3 * (CLOUDS / LOOPED) ** 2)
        np.testing.assert_allclose(across[:LOOPED, :LOOPED], looped, rtol=1e-3)  # the loop's own rounding
    print(f"evaluation: {CLOUDS} x {CLOUDS} clouds of {POINTS} points, {torch.get_num_threads()} threads; minutes")
    result = {"ours": statistics.median(ours) / 60, "baseline": statistics.median(baseline) / 60}
    return result | {"ratio": result["baseline"] / result["ours"]}


def _clouds(stream: torch.Generator) -> Tensor:
    """Points on ellipsoids of random proportions, (PART, POINTS, 3)."""
    directions = torch.nn.functional.normalize(torch.randn(PART, POINTS, 3, generator=stream), dim=2)
    return directions * (0.2 + 0.3 * torch.rand(PART, 1, 3, generator=stream))


def _loop(a: Tensor, b: Tensor) -> Tensor:
    result = torch.empty(len(a), len(b))
    for row, x in enumerate(a):
        for column, y in enumerate(b):
            distances = torch.cdist(x, y)
            result[row, column] = distances.amin(dim=1).square().mean() + distances.amin(dim=0).square().mean()
    return result


if __name__ == "__main__":
    print(measure())
