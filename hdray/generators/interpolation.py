"""Vectors between vectors, for pictures of what lies between shapes (You et al. 2023, Figures 3 and 7)."""

import torch
from torch import Tensor


def bilinear(corners: Tensor, rows: int, columns: int) -> Tensor:
    """A grid of vectors (rows, columns, D) between four at its corners (2, 2, D); corners come back exactly.

    Raises ValueError for a grid without four corners.
    """
    if corners.shape[:2] != (2, 2) or rows < 2 or columns < 2:
        raise ValueError(
            f"a grid of {rows} x {columns} from corners {tuple(corners.shape)}; it needs (2, 2, D) and 2 x 2"
        )
    down = torch.linspace(0, 1, rows, dtype=torch.float64, device=corners.device).view(-1, 1, 1)
    right = torch.linspace(0, 1, columns, dtype=torch.float64, device=corners.device).view(1, -1, 1)
    (top_left, top_right), (bottom_left, bottom_right) = corners.double()
    top = (1 - right) * top_left + right * top_right
    bottom = (1 - right) * bottom_left + right * bottom_right
    return ((1 - down) * top + down * bottom).to(corners.dtype)
