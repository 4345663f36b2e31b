"""Vectors between two vectors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.generators.interpolation import linear


def test_a_line_by_hand() -> None:
    line = linear(torch.tensor([0.0, 1.0]), torch.tensor([4.0, -1.0]), 5)
    assert line.tolist() == [[0, 1], [1, 0.5], [2, 0], [3, -0.5], [4, -1]]


@settings(deadline=None)  # the first call to torch takes long on a busy machine
@given(st.integers(2, 9), st.integers(0, 2**32))
def test_ends_come_back_exactly_and_steps_are_equal(count: int, seed: int) -> None:
    first, last = torch.randn(2, 7, generator=torch.Generator().manual_seed(seed))
    line = linear(first, last, count)
    assert line.shape == (count, 7) and line.dtype == torch.float32
    assert torch.equal(line[0], first) and torch.equal(line[-1], last)
    torch.testing.assert_close(line.diff(dim=0), ((last - first) / (count - 1)).expand(count - 1, 7))
    torch.testing.assert_close(linear(last, first, count), line.flip(0))


def test_what_is_no_line_is_named() -> None:
    with pytest.raises(ValueError, match=r"from \(3,\) to \(4,\); it needs two of one \(D,\)"):
        linear(torch.zeros(3), torch.zeros(4), 2)
    with pytest.raises(ValueError, match="1 vectors"):
        linear(torch.zeros(3), torch.zeros(3), 1)
