"""Scaling of point clouds before they are compared, each cloud by itself."""

import torch
from torch import Tensor

from hdray.errors import UserError
from hdray.metrics.protocols import NORMALISATIONS

EXTENT = 0.95
"""Largest absolute coordinate of a cloud normalised by extent."""


def normalise(clouds: Tensor, mode: str) -> Tensor:
    """Clouds (N, P, 3), each moved and scaled by itself; a cloud whose points all coincide is only moved.

    none: unchanged. std: minus the mean, over the standard deviation of all 3 P numbers (HyperDiffusion's published
    evaluation). box: the bounding box centred at 0, its longest edge 1. sphere: minus the mean, the farthest point at
    distance 1. extent: minus the mean, the largest absolute coordinate 0.95 (HyperDiffusion's code, of animations).
    """
    if mode not in NORMALISATIONS:
        raise UserError(
            f"Point clouds cannot be normalised by {mode!r}: the mode must be one of {', '.join(NORMALISATIONS)}."
        )
    if mode == "none":
        return clouds
    if mode == "box":
        low, high = clouds.amin(dim=1, keepdim=True), clouds.amax(dim=1, keepdim=True)  # (N, 1, 3)
        centred = clouds - (low + high) / 2
        scale = (high - low).amax(dim=2, keepdim=True)  # (N, 1, 1)
    else:
        centred = clouds - clouds.mean(dim=1, keepdim=True)
        if mode == "std":
            scale = centred.flatten(1).std(dim=1, correction=0)[:, None, None]
        elif mode == "extent":
            scale = centred.flatten(1).abs().amax(dim=1)[:, None, None] / EXTENT
        else:
            scale = centred.norm(dim=2).amax(dim=1)[:, None, None]
    return centred / torch.where(scale > 0, scale, torch.ones_like(scale))
