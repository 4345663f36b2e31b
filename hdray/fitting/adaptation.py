"""Adaptation: from labelled points to vectors in the few steps that what instances share was trained for, by meta-learning.

You et al. 2023 (mNIF), Algorithm 1, line 7, after CAVIA (Zintgraf et al. 2019). Shapes in comments: K instances, S slots,
H entries of a latent, P points a step, N points stored per instance.
"""

import numpy as np
import torch
from torch import Tensor

from hdray.fields.field import AdaptedField
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.siren_mixture_gradient import mixture_losses
from hdray.fitting.descent import FitResult, joined
from hdray.fitting.draws import Draws, instance_keys, levels_of
from hdray.fitting.precision import resolve
from hdray.fitting.settings import FitSettings
from hdray.threads import in_shares


def adapted(field: SirenMixture, start: Tensor, coords: Tensor, inside: Tensor, rates: Tensor) -> Tensor:
    """Latents (K, H) after the inner steps from `start` (K, H), differentiable through all of them (second order).

    Args:
        coords: (K, P, d), the same in every step, as published. inside: (K, P) labels of 0 or 1.
        rates: (H,) sizes of the steps, each for its own entry of the latent.
    """
    latents = start.detach().requires_grad_()
    for _ in range(field.settings.inner_steps):
        losses = mixture_losses(field.values(latents, coords).squeeze(-1), inside, field.settings)  # (K,)
        # The sum of the instances' losses has for gradient, in each row, that of its own loss alone.
        (gradient,) = torch.autograd.grad(losses.sum(), latents, create_graph=True)
        latents = latents - rates * gradient
    return latents


def adapt(
    field: AdaptedField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    settings: FitSettings,
    ids: list[str],
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> FitResult:
    """One vector per instance: the field's steps from zero, on one draw of `points_per_step` points.

    A vector depends on its own points, its id, the seed and the settings: not on the other instances of the batch. Of the
    settings of fitting, those of batch, points and precision count here.

    Args:
        points: (K, N, 3) uint16 codes, K at most settings.batch_size; missing instances are padded.
        labels: (K, N/8) uint8, packed.
        times: (T,) of animations, see `fit`.

    Raises:
        ValueError: a field that was not trained for such steps, or arguments that do not fit together.
    """
    device = torch.device(device)
    points, labels = torch.as_tensor(points), torch.as_tensor(labels)
    count = len(ids)
    adaptation = field.adaptation(device)  # what is shared is moved to the device here, once
    if adaptation is None:
        raise ValueError("what this field shares was trained without steps to adapt by; descend to its vectors instead")
    if not 1 <= count <= settings.batch_size:
        raise ValueError(f"{count} instances; adapt takes between 1 and batch_size = {settings.batch_size} at a time")
    if len(points) != count or labels.shape != (count, points.shape[1] // 8) or points.shape[1] % 8:
        raise ValueError(f"points {tuple(points.shape)} and labels {tuple(labels.shape)} are not those of {count} ids")

    def find(rows: slice, slots: int) -> FitResult:
        return _adapt(field, *adaptation, points[rows], labels[rows], settings, ids[rows], seed, slots, device, times)

    return joined(in_shares(find, count, settings.batch_size, device))


def _adapt(
    field: AdaptedField,
    steps: int,
    rates: Tensor,
    points: Tensor,
    labels: Tensor,
    settings: FitSettings,
    ids: list[str],
    seed: int,
    slots: int,
    device: torch.device,
    times: Tensor | None,
) -> FitResult:
    frames = 0 if times is None else len(times)
    draws = Draws(points, labels, instance_keys(ids, seed), slots, settings.points_per_step, device, frames)
    codes, inside = draws.at(0)  # (S, P, d) and (S, P)
    precision = resolve(settings.precision, device)
    gradient = field.gradient(slots, settings.points_per_step, levels_of(times), precision, device)
    theta = torch.zeros(slots, field.layout.size, device=device)
    slope = torch.zeros_like(theta)
    for _ in range(steps):
        gradient(theta, codes, inside, slope)
        theta -= rates * slope
    return FitResult(theta[: len(ids)].cpu().clone(), torch.full((len(ids),), steps, dtype=torch.int64))
