"""Layer-wise tokens."""

from dataclasses import dataclass

import pytest

from hdray.fields.layout import linear_layout
from hdray.generators.tokens import token_sizes


@dataclass
class Span:
    start: int
    stop: int


@dataclass
class Spans:
    pieces: list[Span]


def test_the_published_mlp_has_eight_tokens() -> None:
    # Sizes from the published state dict: weights and biases of 27-128-128-128-1.
    assert token_sizes(linear_layout([27, 128, 128, 128, 1])) == (3456, 128, 16384, 128, 16384, 128, 128, 1)


@pytest.mark.parametrize("spans", [[], [(1, 3)], [(0, 2), (3, 5)], [(0, 3), (2, 5)], [(0, 0)]])
def test_pieces_that_do_not_tile_the_vector_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="pieces"):
        token_sizes(Spans([Span(*span) for span in spans]))
