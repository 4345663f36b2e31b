"""The layout of a weight vector: order, names and sizes as torch.nn.Sequential has them."""

from itertools import pairwise

import pytest
import torch

from hdray.fields.layout import Layout, Piece, linear_layout

# Counted by hand for 27 -> 128 -> 128 -> 128 -> 1, as the published code's state_dict has them.
PUBLISHED = [
    ("layers.0.weight", (128, 27), 3456),
    ("layers.0.bias", (128,), 128),
    ("layers.1.weight", (128, 128), 16384),
    ("layers.1.bias", (128,), 128),
    ("layers.2.weight", (128, 128), 16384),
    ("layers.2.bias", (128,), 128),
    ("layers.3.weight", (1, 128), 128),
    ("layers.3.bias", (1,), 1),
]


def test_pieces_are_the_published_ones_in_order() -> None:
    layout = linear_layout([27, 128, 128, 128, 1])
    assert [(piece.name, piece.shape, piece.stop - piece.start) for piece in layout] == PUBLISHED
    assert [piece.axes for piece in layout] == [("out", "in"), ("out",)] * 4
    assert [piece.layer for piece in layout] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert layout.size == 36_737


def test_pieces_leave_no_gap() -> None:
    pieces = linear_layout([5, 7, 2]).pieces
    assert pieces[0].start == 0
    assert all(before.stop == after.start for before, after in pairwise(pieces))


def test_split_gives_views_that_join_to_the_vector() -> None:
    layout = linear_layout([3, 4, 2])
    theta = torch.arange(2.0 * layout.size).view(2, layout.size)
    pieces = layout.split(theta)
    assert [tuple(piece.shape) for piece in pieces] == [(2, 4, 3), (2, 4), (2, 2, 4), (2, 2)]
    assert torch.equal(torch.cat([piece.flatten(1) for piece in pieces], dim=1), theta)
    pieces[1].zero_()
    assert theta[:, 12:16].count_nonzero() == 0


def test_split_ignores_filling_and_refuses_short_vectors() -> None:
    layout = Layout((Piece("layers.0.bias", 0, "bias", (3,), ("out",), 0, 3),))
    assert torch.equal(layout.split(torch.arange(5.0))[0], torch.arange(3.0))
    with pytest.raises(ValueError, match="2 entries; this layout needs 3"):
        layout.split(torch.zeros(2))
