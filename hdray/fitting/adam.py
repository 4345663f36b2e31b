"""Adam over a (K, D) matrix of K independent vectors, with a learning rate for each row."""

import torch
from torch import Tensor


class RowAdam:
    """torch.optim.Adam (fused) finds the direction at rate 1; each row then moves along it by its own rate.

    Moving is a multiplication and an addition, each rounded once, so a row with rate 0 stays as it is to the last bit.
    Rows should hold a multiple of 16 entries: then no row is split between a kernel's vector and scalar code.
    """

    def __init__(self, rows: Tensor) -> None:
        """
        Args:
            rows: (K, D) float32, changed in place by `step`.
        """
        self.rows = rows
        self.gradient = torch.zeros_like(rows)
        self.direction = torch.zeros_like(rows)
        self.direction.grad = self.gradient
        self.optimiser = torch.optim.Adam([self.direction], lr=1.0, fused=True)

    def step(self, rates: Tensor) -> None:
        """One step along `gradient` with learning rates (K, 1)."""
        self.direction.zero_()
        self.optimiser.step()
        self.rows.add_(self.direction.mul_(rates))
