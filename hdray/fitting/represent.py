"""Shapes to vectors, each kind of field in its own way: descent, adaptation, voxelising, or taking the points as they are.

Shapes in comments: K instances, D entries of a vector, N points and S surface points stored per instance.
"""

from dataclasses import replace

import torch
from torch import Tensor

from hdray.fields.build import Representation
from hdray.fields.cloud import PointCloud
from hdray.fields.lora import LoRAField
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.voxels import VoxelField
from hdray.fitting.adaptation import adapt
from hdray.fitting.descent import FitResult, fit
from hdray.fitting.settings import FitSettings
from hdray.fitting.voxelise import voxelise
from hdray.signals.points import decode


def represent(
    field: Representation,
    points: Tensor,
    labels: Tensor,
    surface: Tensor,
    start: Tensor,
    settings: FitSettings,
    ids: list[str],
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> FitResult:
    """One vector per instance; what is not descended to took no steps.

    Args:
        points: (K, N, 3) uint16 codes. labels: (K, N/8) uint8, packed.
        surface: (K, S, 3) uint16 codes of points on the surface: the cloud of a PointCloud, not looked at otherwise.
        start: (D,), where descent starts, or (K, D). times: (T,) of animations, see `fit`; voxels have their frames at the
            centres of T equal parts of [-0.5, 0.5], and clouds none.

    Raises:
        ValueError: arguments that do not fit together.
    """
    if isinstance(field, VoxelField):
        theta = voxelise(field, points, labels, device)
    elif isinstance(field, PointCloud):
        if surface.shape[1] != field.count:
            raise ValueError(f"{surface.shape[1]} surface points; this cloud has {field.count}")
        theta = decode(surface).flatten(1)
    elif isinstance(field, SirenMixture) and "rates" in field.shared:
        return adapt(field, points, labels, settings, ids, seed, device, times)
    else:
        found = fit(field, points, labels, start, settings, ids, seed, device, times)
        if isinstance(field, LoRAField) and field.settings.gauge:
            return replace(found, theta=field.balance(found.theta))
        return found
    return FitResult(theta, torch.zeros(len(theta), dtype=torch.int64))
