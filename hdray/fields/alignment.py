"""Widths in whole cache lines, so that every instance of a batch lies in memory as the others do.

Matrix libraries and vectorised loops round differently where rows begin off a cache line or end within a vector register;
with zeros up to whole lines, an instance's numbers do not depend on its place in the batch, to the last bit.
"""

import torch
from torch import Tensor

LINE = 32
"""Entries: a cache line of bf16, two of float32."""


def whole_lines(width: int) -> int:
    """The next multiple of LINE."""
    return -(-width // LINE) * LINE


def padded(tensor: Tensor, *dimensions: int) -> Tensor:
    """The tensor with zeros after its entries, up to whole lines in these dimensions (negative, counted from the last)."""
    missing = [0] * tensor.dim()
    for dimension in dimensions:
        missing[dimension] = whole_lines(tensor.shape[dimension]) - tensor.shape[dimension]
    if not any(missing):
        return tensor
    return torch.nn.functional.pad(tensor, [amount for extra in reversed(missing) for amount in (0, extra)])
