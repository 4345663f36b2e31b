"""Shapes to vectors, each kind of field in its own way: descent, adaptation, computing, or taking the points as they are.

Shapes in comments: K instances, D entries of a vector, N points and S surface points stored per instance.
"""

from dataclasses import replace

import torch
from torch import Tensor

from hdray.fields.build import Representation
from hdray.fields.cloud import PointCloud
from hdray.fields.field import AdaptedField, ComputedField, DescentField, RescaledField
from hdray.fitting.adaptation import adapt
from hdray.fitting.descent import FitResult, fit
from hdray.fitting.settings import FitSettings
from hdray.signals.points import decode, unpack


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
        TypeError: a field that is neither descended to nor computed.
    """
    if isinstance(field, PointCloud):
        if surface.shape[1] != field.count:
            raise ValueError(f"{surface.shape[1]} surface points; this cloud has {field.count}")
        theta = decode(surface).flatten(1)
    elif isinstance(field, AdaptedField) and field.adaptation(torch.device(device)):
        return adapt(field, points, labels, settings, ids, seed, device, times)
    elif isinstance(field, ComputedField):
        theta = field.compute(*_labelled(points, labels, times, device)).cpu()
    else:
        if not isinstance(field, DescentField):
            raise TypeError(
                f"{type(field).__name__} is no DescentField or ComputedField: there is no way to its vectors"
            )
        found = fit(field, points, labels, start, settings, ids, seed, device, times)
        return replace(found, theta=field.rescaled(found.theta)) if isinstance(field, RescaledField) else found
    return FitResult(theta, torch.zeros(len(theta), dtype=torch.int64))


def _labelled(
    points: Tensor, labels: Tensor, times: Tensor | None, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """Coordinates (K, N, d) float32 and labels (K, N) bool of coded points, with the times of their frames."""
    coords = decode(points)
    if times is not None:
        of_points = times.repeat_interleave(points.shape[1] // len(times))  # (N,)
        coords = torch.cat([coords, of_points.expand(len(coords), -1).unsqueeze(2)], dim=2)
    return coords.to(device), unpack(labels).to(device)
