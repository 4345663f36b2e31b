"""Positional encoding: a coordinate beside its sines and cosines at octaves of one base frequency."""

import torch
from torch import Tensor


def features_per_coordinate(frequencies: int) -> int:
    """The coordinate itself, then a sine and a cosine per frequency."""
    return 1 + 2 * frequencies


def encode_positions(coords: Tensor, frequencies: int, base: float) -> Tensor:
    """Features (..., F, d) of coords (..., d): the coordinate, then sin and cos of base * 2^k times it, k ascending.

    Flattened over (F, d) this is the published code's order: x, y, z, sin(x), sin(y), sin(z), cos(x), ...
    """
    features = [coords]
    for octave in range(frequencies):
        angles = coords * (base * 2.0**octave)
        features += [torch.sin(angles), torch.cos(angles)]
    return torch.stack(features, dim=-2)
