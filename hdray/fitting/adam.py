"""Adam over a (K, D) matrix of K independent vectors, with a learning rate for each row."""

import torch
from torch import Tensor
from torch.optim.adam import adam


class RowAdam:
    """torch's Adam (fused) finds the direction at rate 1; each row then moves along it by its own rate.

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
        self._mean, self._square = torch.zeros_like(rows), torch.zeros_like(rows)
        self._steps = torch.zeros((), device=rows.device)

    def step(self, rates: Tensor) -> None:
        """One step along `gradient` with learning rates (K, 1)."""
        self.direction.zero_()
        # As torch.optim.Adam calls it; an object of that class would make every process that fits import torch's compiler.
        adam(
            [self.direction], [self.gradient], [self._mean], [self._square], [], [self._steps], fused=True,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=1.0, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
        self.rows.add_(self.direction.mul_(rates))
