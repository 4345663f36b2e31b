"""Layer-wise tokens: a weight vector cut into one token per piece of its field's layout."""

from collections.abc import Sequence
from typing import Protocol


class Span(Protocol):
    """What is read of a piece of a layout: where it lies in the vector, what shape it has there, and what it is."""

    @property
    def layer(self) -> int:
        """Number of the layer it belongs to."""
        ...

    @property
    def kind(self) -> str:
        """Its part in the layer: `weight`, `bias`, or `a` or `b` of a pair of low rank."""
        ...

    @property
    def start(self) -> int:
        """Its first entry."""
        ...

    @property
    def stop(self) -> int:
        """One past its last entry."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Its dimensions; their product is the number of its entries."""
        ...


class Spans(Protocol):
    """What is read of `hdray.fields.layout.Layout`: its pieces in order."""

    @property
    def pieces(self) -> Sequence[Span]:
        """In the order of the vector."""
        ...


def token_sizes(layout: Spans) -> tuple[int, ...]:
    """Entries of each token, in the order of the vector: 8 tokens for the MLP of three hidden layers (section 5).

    Raises ValueError for a layout whose pieces leave gaps or overlap: tokens must tile the vector.
    """
    position = 0
    for piece in layout.pieces:
        if piece.start != position or piece.stop <= piece.start:
            raise ValueError(f"layout pieces must tile the vector; one spans {piece.start}:{piece.stop} at {position}")
        position = piece.stop
    if position == 0:
        raise ValueError("a layout without pieces has no tokens")
    return tuple(piece.stop - piece.start for piece in layout.pieces)
