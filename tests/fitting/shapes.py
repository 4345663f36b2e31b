"""Analytic shapes with known occupancy, coded as fitting takes them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hdray.fitting.point_set import PointSet
from hdray.seeds import numpy_stream
from hdray.signals.points import decode, encode, pack

Occupancy = Callable[[np.ndarray], Any]


def ball(radius: float) -> Occupancy:
    """Inside a ball about the origin."""
    return lambda coords: np.less((coords**2).sum(axis=-1), radius**2)


def box(width: float, height: float, depth: float) -> Occupancy:
    """Inside a box about the origin; arguments are full edges."""
    return lambda coords: np.all(np.abs(coords) < np.array([width, height, depth]) / 2, axis=-1)


def coded(shapes: list[Occupancy], count: int, purpose: str = "points") -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (K, count, 3) uint16 and packed labels (K, count / 8), uniform in the unit box."""
    points = [encode(numpy_stream(row, purpose).random((count, 3)) - 0.5) for row in range(len(shapes))]
    labels = [pack(shape(decode(codes))) for shape, codes in zip(shapes, points, strict=True)]
    return torch.from_numpy(np.stack(points)), torch.from_numpy(np.stack(labels))


def point_set(ids: list[str], shapes: list[Occupancy], count: int) -> PointSet:
    """The same, as shared networks are trained on it."""
    points, labels = coded(shapes, count)
    return PointSet(ids, points.numpy(), labels.numpy())
