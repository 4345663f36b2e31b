"""The matrix of Chamfer distances against a loop over pairs of torch.cdist and the minimum both ways, 2,048 points.

Milliseconds per pair of clouds.
"""

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix

POINTS = 2_048
CLOUDS = 12
ROUNDS = 5


def measure() -> dict[str, float]:
    """Milliseconds per pair: {"ours", "baseline", "ratio"}. Raises AssertionError where the distances differ."""
    stream = torch.Generator().manual_seed(0)
    generated, references = (_clouds(stream) for _ in range(2))
    _loop(generated[:1], references[:1])  # warm up
    chamfer_matrix(generated[:1], references[:1])
    ours, baseline = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        matrix = chamfer_matrix(generated, references)
        middle = time.perf_counter()
        looped = _loop(generated, references)
        ours.append((middle - begin) * 1e3 / CLOUDS**2)
        baseline.append((time.perf_counter() - middle) * 1e3 / CLOUDS**2)
        np.testing.assert_allclose(matrix, looped, rtol=1e-3)  # the loop's own rounding is the larger part
    print(f"chamfer: {CLOUDS} x {CLOUDS} clouds of {POINTS} points, {torch.get_num_threads()} threads")
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    return result | {"ratio": result["baseline"] / result["ours"]}


def _clouds(stream: torch.Generator) -> Tensor:
    """Points on ellipsoids of random proportions, (CLOUDS, POINTS, 3)."""
    directions = torch.nn.functional.normalize(torch.randn(CLOUDS, POINTS, 3, generator=stream), dim=2)
    return directions * (0.2 + 0.3 * torch.rand(CLOUDS, 1, 3, generator=stream))


def _loop(a: Tensor, b: Tensor) -> Tensor:
    result = torch.empty(len(a), len(b))
    for row, x in enumerate(a):
        for column, y in enumerate(b):
            distances = torch.cdist(x, y)
            result[row, column] = distances.amin(dim=1).square().mean() + distances.amin(dim=0).square().mean()
    return result


if __name__ == "__main__":
    print(measure())
