"""The compact form of points and labels: 16-bit coordinates and eight labels to a byte.

The coded range reaches past the unit box because near-surface points do. Labels are always computed on
`decode(encode(points))`, so rounding adds no label noise. Torch and numpy give the same bits. Torch is imported only where
a tensor shows that it is there: the process that reads meshes does without, and starts two seconds sooner.
"""

from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    import torch

POINT_RANGE = 0.6
"""Codes 0 to 65535 span [-POINT_RANGE, POINT_RANGE] in each coordinate; points beyond are moved to its border."""

LARGEST_CODE = 65535
# 2 * code - 65535 is a whole number that float32 holds exactly, so decoding rounds once, and alike on every device.
HALF_STEP = float(np.float32(POINT_RANGE / LARGEST_CODE))

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


@overload
def encode(coordinates: np.ndarray) -> np.ndarray: ...
@overload
def encode(coordinates: "torch.Tensor") -> "torch.Tensor": ...
def encode(coordinates: "np.ndarray | torch.Tensor") -> "np.ndarray | torch.Tensor":
    """Coordinates (..., 3), float, to the nearest of 65536 codes (..., 3), uint16."""
    if not isinstance(coordinates, np.ndarray):
        import torch

        rounded = torch.round((coordinates.double() + POINT_RANGE) * (LARGEST_CODE / (2 * POINT_RANGE)))
        return rounded.clamp(0, LARGEST_CODE).to(torch.int32).to(torch.uint16)
    codes = np.round((np.asarray(coordinates, dtype=np.float64) + POINT_RANGE) * (LARGEST_CODE / (2 * POINT_RANGE)))
    return codes.clip(0, LARGEST_CODE).astype(np.uint16)


def decode(codes: Array) -> Array:
    """Codes (..., 3), uint16, to float32 coordinates (..., 3), at most half a step (9.2e-6) from what was encoded."""
    if not isinstance(codes, np.ndarray):
        import torch

        return (codes.to(torch.int32) * 2 - LARGEST_CODE).to(torch.float32) * HALF_STEP
    return (codes.astype(np.int32) * 2 - LARGEST_CODE).astype(np.float32) * np.float32(HALF_STEP)


def pack(labels: Array) -> Array:
    """Labels (..., P), bool, P a multiple of 8, to bytes (..., P/8), uint8; the first label is the lowest bit."""
    if labels.shape[-1] % 8:
        raise ValueError(f"{labels.shape[-1]} labels do not fill whole bytes; their number must be a multiple of 8")
    if not isinstance(labels, np.ndarray):
        import torch

        bits = labels.to(torch.uint8).unflatten(-1, (-1, 8))
        return (bits << torch.arange(8, dtype=torch.uint8, device=labels.device)).sum(dim=-1, dtype=torch.uint8)
    return np.packbits(labels, axis=-1, bitorder="little")


def unpack(packed: Array) -> Array:
    """Bytes (..., P/8), uint8, to labels (..., P), bool."""
    if not isinstance(packed, np.ndarray):
        import torch

        bits = packed.unsqueeze(-1) >> torch.arange(8, dtype=torch.uint8, device=packed.device)
        return (bits & 1).flatten(-2).bool()
    return np.unpackbits(packed, axis=-1, bitorder="little").astype(bool)
