"""How good fits are on points that were not fitted: binary cross entropy and intersection over union.

Shapes in comments: K instances, P points.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from hdray.fields.field import Field, prepared
from hdray.signals.points import decode, unpack


@dataclass(frozen=True)
class Quality:
    """A row per instance, on the CPU, float32."""

    bce: Tensor
    """(K,) mean binary cross entropy."""
    iou: Tensor
    """(K,) points inside both over points inside either (inside: probability above one half); 1 where neither the
    field nor the shape has any, since they then agree everywhere."""


@torch.no_grad()
def quality(
    field: Field,
    theta: Tensor,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    device: torch.device | str = "cpu",
    chunk: int = 2_048,
    times: Tensor | None = None,
) -> Quality:
    """Quality of vectors theta (K, D) at coded points (K, P, 3) uint16 with packed labels (K, P/8), in float32.

    `times` (T,) of animations: P/T of the points belong to each frame, frame after frame.
    Points go through `chunk` at a time, so memory does not grow with P.
    """
    points, labels = torch.as_tensor(points), torch.as_tensor(labels)
    cross_entropy = torch.zeros(len(theta), dtype=torch.float64)
    both = torch.zeros(len(theta), dtype=torch.int64)
    either = torch.zeros(len(theta), dtype=torch.int64)
    targets = unpack(labels)
    for first, logits in logits_at(field, theta, points, device, chunk, times):
        inside = targets[:, first : first + chunk].to(device)
        cross_entropy += (
            binary_cross_entropy_with_logits(logits.double(), inside.double(), reduction="none").sum(dim=1).cpu()
        )
        predicted = logits > 0
        both += (predicted & inside).sum(dim=1).cpu()
        either += (predicted | inside).sum(dim=1).cpu()
    iou = torch.where(either == 0, 1.0, both.double() / either.clamp_min(1))
    return Quality((cross_entropy / points.shape[1]).float(), iou.float())


@torch.no_grad()
def logits_at(
    field: Field,
    theta: Tensor,
    points: Tensor,
    device: torch.device | str = "cpu",
    chunk: int = 2_048,
    times: Tensor | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Logits (K, up to `chunk`) of vectors theta (K, D) at coded points (K, P, 3), and the index of the first of these points.

    `times` as of `quality`.
    """
    find = prepared(field, theta.to(device))
    for first in range(0, points.shape[1], chunk):
        coords = decode(points[:, first : first + chunk]).to(device)
        if times is not None:
            frame = torch.arange(first, first + coords.shape[1]) // (points.shape[1] // len(times))
            moments = times[frame].to(device).expand(len(theta), -1)  # (K, P)
            coords = torch.cat([coords, moments.unsqueeze(-1)], dim=-1)
        yield first, find(coords, "fp32").squeeze(-1)
