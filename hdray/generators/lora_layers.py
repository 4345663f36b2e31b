"""The layers of a field of low rank as its generator sees them: pairs of vectors, and the tokens that are no pairs.

A layer's matrices are kept as `a` (r, in) and `b` (r, out), so that row i of both is the i-th pair of vectors of the
layer (mLoRA, arXiv 2512.01759, section 3.5). Masked layers keep fewer than `in` entries of each row of a.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hdray.generators.tokens import Span, Spans, token_sizes


@dataclass(frozen=True)
class SameShape:
    """All layers of one shape, in the order of the vector."""

    count: int
    """Layers L."""
    rank: int
    """Pairs of a layer, r."""
    size: int
    """Entries of a pair: those of a row of a, then those of a row of b."""

    @property
    def entries(self) -> int:
        """Of all the layers together."""
        return self.count * self.rank * self.size


@dataclass(frozen=True)
class Arrangement:
    """A vector put in order: first the pieces that are no pairs, then group after group of layers of one shape.

    In a group, entries are in the order (layer, pair, entry of the pair).
    """

    singles: tuple[int, ...]
    """Entries of each piece that is no pair: weight and bias of the Fourier layer."""
    groups: tuple[SameShape, ...]
    order: Tensor
    """(D,) int64: which entry of the vector stands at each place of the arrangement."""


def arrange(layout: Spans) -> Arrangement:
    """The arrangement of a layout of pairs, and weights and biases beside them.

    Raises ValueError for a layout without pairs, with pieces of another kind, or with a half of a pair.
    """
    token_sizes(layout)  # the pieces tile the vector
    singles: list[Span] = []
    layers: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Tensor]] = {}
    waiting: Span | None = None
    for piece in layout.pieces:
        if piece.kind == "a" and waiting is None:
            waiting = piece
        elif piece.kind == "b" and waiting is not None and _belong_together(waiting, piece):
            rows = [torch.arange(part.start, part.stop).view(part.shape) for part in (waiting, piece)]
            layers.setdefault((waiting.shape, piece.shape), []).append(torch.cat(rows, dim=1))  # (r, in + out)
            waiting = None
        elif piece.kind in ("weight", "bias") and waiting is None:
            singles.append(piece)
        else:
            raise ValueError(f"lora-diffusion needs pairs, {PAIRS}; this layout has {_kinds(layout.pieces)}")
    if waiting is not None or not layers:
        raise ValueError(f"lora-diffusion needs pairs, {PAIRS}; this layout has {_kinds(layout.pieces)}")
    groups = tuple(SameShape(len(rows), *rows[0].shape) for rows in layers.values())
    alone = [torch.arange(piece.start, piece.stop) for piece in singles]
    order = torch.cat([*alone, *(row.flatten() for rows in layers.values() for row in rows)])
    return Arrangement(tuple(len(piece) for piece in alone), groups, order)


PAIRS = "a piece `a` (r, in) and next to it a piece `b` (r, out) of the same layer, and else only weights and biases"


def _belong_together(a: Span, b: Span) -> bool:
    return a.layer == b.layer and len(a.shape) == len(b.shape) == 2 and a.shape[0] == b.shape[0]


def _kinds(pieces: Sequence[Span]) -> str:
    return ", ".join(f"{piece.kind} {tuple(piece.shape)}" for piece in pieces)
