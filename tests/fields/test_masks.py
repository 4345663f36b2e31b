"""Frozen entries: where they lie, and that vectors hold everything else."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from hdray.fields.layout import layout_of
from hdray.fields.masks import FrozenEntries, draw_positions, frozen_per_row

WHOLE = layout_of(
    [
        ("first.weight", 0, "weight", (2, 4), ("out", "in")),
        ("first.bias", 0, "bias", (2,), ("out",)),
        ("second.weight", 1, "weight", (1, 2), ("out", "in")),
    ]
)
MASKS = {
    "masks.first.weight.positions": torch.tensor([[0, 3], [1, 2]]),
    "masks.first.weight.values": torch.tensor([[10.0, 20.0], [30.0, 40.0]]),
}


def test_the_published_numbers_of_frozen_entries() -> None:
    """94 and 99 units: 10 a row; 256 and 512: 16 and 23 (the paper's Table 1)."""
    assert [frozen_per_row(width) for width in (94, 99, 256, 512)] == [10, 10, 16, 23]


@given(width=st.integers(1, 10**12))
def test_the_root_is_rounded_up(width: int) -> None:
    root = frozen_per_row(width)
    assert (root - 1) ** 2 < width <= root**2


def test_positions_are_different_ones_in_order_and_all_alike_likely() -> None:
    positions = draw_positions(8_000, 9, torch.Generator().manual_seed(0))
    assert positions.shape == (8_000, 3)
    assert (positions[:, 1:] > positions[:, :-1]).all()
    share = torch.bincount(positions.flatten(), minlength=9) / 24_000
    torch.testing.assert_close(share, torch.full((9,), 1 / 9), rtol=0, atol=4 * math.sqrt(1 / 9 * 8 / 9 / 24_000))
    assert torch.equal(positions, draw_positions(8_000, 9, torch.Generator().manual_seed(0)))


def test_whole_vectors_are_free_entries_around_frozen_ones() -> None:
    frozen = FrozenEntries(WHOLE, MASKS)
    assert [piece.shape for piece in frozen.layout] == [(2, 2), (2,), (1, 2)]
    assert [piece.name for piece in frozen.layout] == [piece.name for piece in WHOLE]
    theta = torch.arange(1.0, 9.0).repeat(3, 1)
    expected = torch.tensor([10.0, 1, 2, 20, 3, 30, 40, 4, 5, 6, 7, 8])
    whole = frozen.complete(theta)
    assert torch.equal(whole[:, : WHOLE.size], expected.repeat(3, 1))
    assert torch.equal(frozen.without(whole), theta)


def test_gradients_reach_free_entries_alone() -> None:
    theta = torch.zeros(2, 8, requires_grad=True)
    weights = torch.arange(32.0).expand(2, -1)
    (FrozenEntries(WHOLE, MASKS).complete(theta) * weights).sum().backward()
    assert theta.grad is not None
    assert theta.grad[0].tolist() == [1, 2, 4, 7, 8, 9, 10, 11]


def test_nothing_frozen_changes_nothing() -> None:
    frozen = FrozenEntries(WHOLE, {})
    theta = torch.rand(2, WHOLE.size)
    assert frozen.complete(theta) is theta
    assert torch.equal(frozen.without(theta), theta)
    assert frozen.layout == WHOLE


def test_whole_vectors_with_nothing_frozen_are_not_copied() -> None:
    whole = torch.rand(2, WHOLE.size + 3)
    found = FrozenEntries(WHOLE, {}).without(whole)
    assert found.data_ptr() == whole.data_ptr() and torch.equal(found, whole[:, : WHOLE.size])


def test_a_device_gets_what_is_frozen_once() -> None:
    """The meta device stands for any other than the CPU; of what happens there only the moves are carried out."""

    class Moves(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if operation is not torch.ops.aten._to_copy.default:
                return args[0]
            self.count += 1
            return operation(*args, **(kwargs or {}))

    frozen, whole, moves = FrozenEntries(WHOLE, MASKS), torch.empty(2, WHOLE.size, device="meta"), []
    for _ in range(3):
        with Moves() as seen:
            frozen.without(whole)
        moves.append(seen.count)
    assert moves == [2, 0, 0], "places and values of frozen entries, once"


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([[0, 4], [1, 2]], "different columns from 0 to 3"),
        ([[0, 0], [1, 2]], "different columns"),
        ([[3, 0], [1, 2]], "ascending in each row"),
        ([[0, 1]], r"needs \(2, F\) of both"),
        ([[0, 1, 2, 3], [0, 1, 2, 3]], "F below 4"),
    ],
)
def test_masks_that_do_not_fit_are_refused(positions: list[list[int]], words: str) -> None:
    shared = {
        "masks.first.weight.positions": torch.tensor(positions),
        "masks.first.weight.values": torch.zeros(len(positions), len(positions[0])),
    }
    with pytest.raises(ValueError, match=words):
        FrozenEntries(WHOLE, shared)
