"""What the entries of a weight vector mean: its pieces in order, each a weight or bias of one layer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Piece:
    """One tensor of a network and where its entries lie in the flat vector."""

    name: str
    """Name as in a state_dict, e.g. `layers.0.weight`."""
    layer: int
    kind: str
    """`weight` or `bias`; of low-rank pairs `a` (what a row of the base's weights is multiplied by) and `b` (a column)."""
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    """What each dimension of `shape` runs over: `out`, `in`, `rank`."""
    start: int
    stop: int


@dataclass(frozen=True)
class Layout:
    """The pieces of a weight vector, in order and without gaps."""

    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Number of entries D of the vector."""
        return self.pieces[-1].stop

    def __iter__(self) -> Iterator[Piece]:
        return iter(self.pieces)

    def split(self, theta: Tensor) -> list[Tensor]:
        """Views (..., *shape) of each piece of theta (..., D or more: entries past D are not looked at)."""
        if theta.shape[-1] < self.size:
            raise ValueError(f"vectors of {theta.shape[-1]} entries; this layout needs {self.size}")
        return [theta[..., piece.start : piece.stop].unflatten(-1, piece.shape) for piece in self.pieces]


def layout_of(parts: Iterable[tuple[str, int, str, tuple[int, ...], tuple[str, ...]]]) -> Layout:
    """Layout of pieces given by (name, layer, kind, shape, axes), one after the other."""
    pieces: list[Piece] = []
    start = 0
    for name, layer, kind, shape, axes in parts:
        stop = start + torch.Size(shape).numel()
        pieces.append(Piece(name, layer, kind, shape, axes, start, stop))
        start = stop
    return Layout(tuple(pieces))


def linear_layout(widths: list[int]) -> Layout:
    """Layout of fully connected layers from widths[i] to widths[i + 1]: weight (out, in), then bias (out,), a layer."""
    parts: list[tuple[str, int, str, tuple[int, ...], tuple[str, ...]]] = []
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        parts.append((f"layers.{layer}.weight", layer, "weight", (outputs, inputs), ("out", "in")))
        parts.append((f"layers.{layer}.bias", layer, "bias", (outputs,), ("out",)))
    return layout_of(parts)
