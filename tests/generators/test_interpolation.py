"""Vectors between four corners."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdray.generators.interpolation import bilinear


def test_a_grid_by_hand() -> None:
    corners = torch.tensor([[[0.0, 1.0], [4.0, 1.0]], [[8.0, 1.0], [12.0, 5.0]]])
    grid = bilinear(corners, 3, 5)
    assert grid.shape == (3, 5, 2)
    assert grid[..., 0].tolist() == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [8, 9, 10, 11, 12]]
    assert grid[:, -1, 1].tolist() == [1, 3, 5] and grid[-1, :, 1].tolist() == [1, 2, 3, 4, 5]


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**32))
def test_corners_come_back_exactly_and_nothing_leaves_their_range(rows: int, columns: int, seed: int) -> None:
    corners = torch.randn(2, 2, 7, generator=torch.Generator().manual_seed(seed))
    grid = bilinear(corners, rows, columns)
    assert torch.equal(grid[[0, 0, -1, -1], [0, -1, 0, -1]], corners.flatten(0, 1))
    assert bool((grid <= corners.amax(dim=(0, 1)) + 1e-6).all() and (grid >= corners.amin(dim=(0, 1)) - 1e-6).all())


def test_what_is_no_grid_is_named() -> None:
    with pytest.raises(ValueError, match=r"needs \(2, 2, D\) and 2 x 2"):
        bilinear(torch.zeros(3, 7), 3, 3)
    with pytest.raises(ValueError, match="a grid of 1 x 3"):
        bilinear(torch.zeros(2, 2, 7), 1, 3)
