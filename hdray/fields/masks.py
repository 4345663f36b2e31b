"""Entries of weight matrices that are frozen, at the same places in every instance: the asymmetric mask.

A network whose hidden units (or ranks) are permuted along with their weights is the same function. Freezing a few entries
of each row, at places drawn once, tells them apart: Lim et al. (2024), and section 3.4 of Yang et al., *Weight Space
Representation Learning with Neural Fields*. The paper says "sqrt(d_out)" entries a row; its counts (Table 1) are those of
the root rounded up, and of square matrices, where d_out is d_in.

Frozen entries are no part of a vector. What instances share holds, for each piece with frozen entries, two tensors:
`masks.<name of the piece>.positions` (rows, F) int64, columns in ascending order, and `.values` (rows, F) float32.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from hdray.fields.alignment import whole_lines
from hdray.fields.layout import Layout, layout_of


def frozen_per_row(width: int) -> int:
    """F, the square root of the width, rounded up."""
    return math.isqrt(width - 1) + 1


def mask_names(piece: str) -> tuple[str, str]:
    """Names of the positions and of the values of a piece's frozen entries, among what instances share."""
    return f"masks.{piece}.positions", f"masks.{piece}.values"


def draw_positions(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Columns (rows, F) int64 of frozen entries, ascending; in each row F different ones, every choice equally likely."""
    order = torch.rand(rows, columns, generator=generator).argsort(dim=1)
    return order[:, : frozen_per_row(columns)].sort(dim=1).values


class FrozenEntries:
    """Which entries of whole vectors are frozen, and at what; the others make up the vectors of instances."""

    def __init__(self, whole: Layout, shared: Mapping[str, Tensor]) -> None:
        """`whole`: the layout with nothing frozen, pieces (rows, columns) where `shared` has a mask of that name.

        Raises ValueError for masks that do not fit the pieces.
        """
        self.whole = whole
        self.values = torch.zeros(whole_lines(whole.size))  # of frozen entries; rows of whole vectors are whole lines
        self.is_free = torch.ones(whole.size, dtype=torch.bool)
        parts = []
        for piece in whole:
            positions_name, values_name = mask_names(piece.name)
            shape = piece.shape
            if positions_name in shared:
                positions, values = shared[positions_name].long().cpu(), shared[values_name].float().cpu()
                _check_mask(piece.name, piece.shape, positions, values)
                self.values[piece.start : piece.stop].view(shape).scatter_(1, positions, values)
                self.is_free[piece.start : piece.stop].view(shape).scatter_(
                    1, positions, torch.zeros_like(positions) > 0
                )
                shape = (shape[0], shape[1] - positions.shape[1])
            parts.append((piece.name, piece.layer, piece.kind, shape, piece.axes))
        self.layout = layout_of(parts)
        self.free = self.is_free.nonzero().squeeze(1)  # (D,)
        self.any = self.layout.size < whole.size
        self._moved = {torch.device("cpu"): (self.values, self.free)}

    def complete(self, theta: Tensor) -> Tensor:
        """Whole vectors (K, D_whole or more) of theta (K, D); differentiable."""
        if not self.any:
            return theta
        values, free = self._on(theta.device)
        return values.to(theta.dtype).expand(len(theta), -1).index_copy(1, free, theta)

    def without(self, whole: Tensor) -> Tensor:
        """The free entries (..., D) of whole vectors (..., D_whole or more); where nothing is frozen a view of `whole`."""
        if not self.any:
            return whole[..., : self.layout.size]
        return whole[..., self._on(whole.device)[1]]

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """`values` and `free` on a device, moved there once: a gradient asks for them in every step."""
        if device not in self._moved:
            self._moved[device] = (self.values.to(device), self.free.to(device))
        return self._moved[device]


def _check_mask(name: str, shape: tuple[int, ...], positions: Tensor, values: Tensor) -> None:
    rows, columns = shape
    fits = positions.dim() == 2 and positions.shape[0] == rows and positions.shape == values.shape
    if not fits or positions.shape[1] >= columns:
        raise ValueError(
            f"the mask of {name} has positions {tuple(positions.shape)} and values {tuple(values.shape)}; a matrix of "
            f"{rows} rows and {columns} columns needs ({rows}, F) of both, F below {columns}"
        )
    ascending = bool((positions[:, 1:] > positions[:, :-1]).all())
    if not ascending or int(positions.min()) < 0 or int(positions.max()) >= columns:
        raise ValueError(
            f"the mask of {name} must name different columns from 0 to {columns - 1}, ascending in each row"
        )
