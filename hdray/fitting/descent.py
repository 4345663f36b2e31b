"""Fitting by descent: K shapes in, K vectors of weights out, every step one batch of matrix products.

Shapes in comments: K instances, S slots, D weights, P points a step, N points stored per instance.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hdray.fields.field import DescentField
from hdray.fields.mlp_gradient import losses
from hdray.fitting.adam import RowAdam
from hdray.fitting.draws import Draws, instance_keys, levels_of
from hdray.fitting.precision import resolve
from hdray.fitting.schedule import Cosine, Plateau
from hdray.fitting.settings import FitSettings
from hdray.threads import in_shares

# Rows of vectors start at multiples of this many float32 entries: a cache line, and the widest vector registers.
ROW_MULTIPLE = 64


@dataclass(frozen=True)
class FitResult:
    """What fitting found, a row per instance, on the CPU."""

    theta: Tensor
    """(K, D) float32."""
    steps: Tensor
    """(K,) int64: optimiser steps taken; fewer than the budget where an instance stopped early."""


def joined(results: list[FitResult]) -> FitResult:
    """What was found for parts of the instances, one part after the other."""
    return FitResult(torch.cat([result.theta for result in results]), torch.cat([result.steps for result in results]))


def fit(
    field: DescentField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    start: Tensor,
    settings: FitSettings,
    ids: list[str],
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> FitResult:
    """Fit one vector per instance.

    A vector depends on its own points, its id, the seed, the start and the settings: not on the other instances, their
    number, nor its place among them, bit for bit on one machine with one number of threads.

    Args:
        points: (K, N, 3) uint16 codes, K at most settings.batch_size; missing instances are padded.
        labels: (K, N/8) uint8, packed.
        start: (D,), the same of all, or (K, D).
        times: (T,) of animations, the time coordinate of each frame; points hold N/T of each, frame after frame.

    Raises:
        ValueError: arguments that do not fit together.
    """
    device = torch.device(device)
    points, labels = torch.as_tensor(points), torch.as_tensor(labels)
    _check(field, points, labels, start, settings, ids, times)
    starts = start.expand(len(ids), -1)  # (K, D)

    def descend(rows: slice, slots: int) -> FitResult:
        return _descend(
            field, points[rows], labels[rows], starts[rows], settings, ids[rows], seed, slots, device, times
        )

    return joined(in_shares(descend, len(ids), settings.batch_size, device))


def _descend(
    field: DescentField,
    points: Tensor,
    labels: Tensor,
    starts: Tensor,
    settings: FitSettings,
    ids: list[str],
    seed: int,
    slots: int,
    device: torch.device,
    times: Tensor | None,
) -> FitResult:
    count, size = len(ids), field.layout.size
    frames = 0 if times is None else len(times)
    draws = Draws(points, labels, instance_keys(ids, seed), slots, settings.points_per_step, device, frames)
    precision = resolve(settings.precision, device)
    gradient = field.gradient(slots, settings.points_per_step, levels_of(times), precision, device)

    # (S, D rounded up); the filling entries have no gradient and stay zero
    theta = torch.zeros(slots, -(-size // ROW_MULTIPLE) * ROW_MULTIPLE, device=device)
    theta[:count, :size] = starts.to(device)
    theta[count:, :size] = starts[0].to(device)  # slots without an instance descend too
    adam = RowAdam(theta)

    epoch = max(1, points.shape[1] // settings.points_per_step)
    plateau = Plateau(settings, slots, device) if settings.schedule == "plateau" else None
    schedule = plateau or Cosine(settings, slots, device)
    total = torch.zeros(slots, dtype=torch.float64, device=device)
    step = 0
    while step < settings.steps:
        codes, inside = draws.at(step)
        probability = gradient(theta, codes, inside, adam.gradient)
        adam.step(schedule.rate(step))
        step += 1
        if plateau:
            total += losses(probability, inside)
            if step % epoch == 0:
                plateau.end_epoch(total / epoch)
                total.zero_()
                if not plateau.running[:count].any():
                    break

    taken = torch.where(plateau.running, step, plateau.epochs * epoch) if plateau else torch.full((slots,), step)
    return FitResult(theta[:count, :size].cpu().clone(), taken[:count].cpu())


def _check(
    field: DescentField,
    points: Tensor,
    labels: Tensor,
    start: Tensor,
    settings: FitSettings,
    ids: list[str],
    times: Tensor | None,
) -> None:
    count = len(ids)
    if not 1 <= count <= settings.batch_size:
        raise ValueError(f"{count} instances; fit takes between 1 and batch_size = {settings.batch_size} at a time")
    if points.dtype != torch.uint16 or points.dim() != 3 or points.shape[0] != count or points.shape[2] != 3:
        raise ValueError(f"points are {points.dtype} {tuple(points.shape)}; they must be torch.uint16 ({count}, N, 3)")
    if labels.dtype != torch.uint8 or labels.shape != (count, points.shape[1] // 8) or points.shape[1] % 8:
        raise ValueError(
            f"labels are {labels.dtype} {tuple(labels.shape)}; {points.shape[1]} points, a multiple of 8, need "
            f"torch.uint8 ({count}, {points.shape[1] // 8})"
        )
    size = field.layout.size
    if start.shape not in ((size,), (count, size)):
        raise ValueError(f"the start has shape {tuple(start.shape)}; this field needs ({size},) or ({count}, {size})")
    if field.dimension != (3 if times is None else 4):
        raise ValueError(
            f"a field of {field.dimension} coordinates cannot be fitted {'with' if times is not None else 'without'} times"
        )
    if times is not None and points.shape[1] % len(times):
        raise ValueError(f"{points.shape[1]} points cannot be divided among {len(times)} frames")
