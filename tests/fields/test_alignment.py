"""Padding to whole cache lines."""

import torch

from hdray.fields.alignment import LINE, padded, whole_lines


def test_widths_are_rounded_up() -> None:
    assert [whole_lines(width) for width in (1, 31, 32, 33, 64)] == [32, 32, 32, 64, 64]
    assert LINE * 2 == 64, "bytes of bf16 in a cache line"


def test_zeros_follow_the_entries_in_the_named_dimensions_only() -> None:
    tensor = torch.rand(2, 5, 3) + 1
    got = padded(tensor, -2)
    assert got.shape == (2, 32, 3) and torch.equal(got[:, :5], tensor) and not got[:, 5:].any()
    got = padded(tensor, -2, -1)
    assert got.shape == (2, 32, 32) and torch.equal(got[:, :5, :3], tensor)
    assert int(got.count_nonzero()) == tensor.numel()
    whole = torch.rand(2, 64)
    assert padded(whole, -1) is whole
