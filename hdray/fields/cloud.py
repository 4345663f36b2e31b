"""A shape as a cloud of points: the form that point-cloud generators model, which is no field over space."""

import torch
from torch import Tensor

from hdray.fields.layout import Layout, Piece


class PointCloud:
    """Sets of P points in space as flat vectors (3P,): x, y, z of the first point, then of the next, in no order."""

    def __init__(self, count: int) -> None:
        """`count`: P."""
        self.count = count
        self.layout = Layout((Piece("points", 0, "points", (count, 3), ("point", "coordinate"), 0, 3 * count),))

    def points(self, theta: Tensor) -> Tensor:
        """The points (..., P, 3) of vectors theta (..., 3P)."""
        return self.layout.split(theta)[0]

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (3P,) with all points at the origin."""
        return torch.zeros(self.layout.size)
