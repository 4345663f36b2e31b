"""How well fitted fields show their shapes, shape by shape: Chamfer distance and PSNR, by Ray tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.fields.cloud import PointCloud
from hdray.fields.kinds import kind_of
from hdray.fitting.quality import logits_at
from hdray.metrics.psnr import psnr
from hdray.metrics.temporal import distances_of_partners
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.field import field_of
from hdray.pipeline.fitting import stack, times_of
from hdray.pipeline.instances import Fitted
from hdray.pipeline.progress import Progress
from hdray.pipeline.sampled_again import SampledAgain, as_fitted
from hdray.pipeline.shapes import real_shapes, shapes_of
from hdray.pipeline.windowed import cluster_slots, windowed
from hdray.signals.points import unpack

if TYPE_CHECKING:
    import ray

TOGETHER = 8
"""Shapes that a task reads, some seconds each."""


@dataclass(frozen=True)
class Fidelity:
    """Of N fits, (N,) each."""

    chamfer: np.ndarray
    """Squared, of the field's surface from the shape's own in the unit box; NaN of a field without a surface."""
    psnr: np.ndarray
    """Decibels of occupancy probabilities at held-out points uniform in the box; NaN of a cloud, which has no inside."""
    near_psnr: np.ndarray
    """The same at held-out points near the surface."""


def fidelity(
    fitted: Fitted,
    known: Mapping[str, Mapping[str, Any]],
    config: Config,
    sampled: SampledAgain,
    resources: Resources,
) -> Fidelity:
    """Compare these fits with their shapes. `known`: rows of the instances table by id.

    Raises UserError for a file that is gone or has changed.
    """
    import ray

    gpus = resources.gpus_per_actor
    task = ray.remote(_measured).options(num_cpus=config.execution.task_cpus, num_gpus=gpus)
    cloud = kind_of(config.field.kind).cloud
    starts = range(0, len(fitted.ids), TOGETHER)
    found: dict[int, Fidelity] = {}

    def submit(first: int) -> "ray.ObjectRef[Fidelity]":
        part = fitted.at(range(first, min(first + TOGETHER, len(fitted.ids))))
        rows = [dict(known[name]) for name in part.ids]
        return task.remote(part, rows, config, *([] if cloud else sampled.rows(rows, config)))

    what = f"parts of {len(fitted.ids)} fits compared with their shapes"
    with Progress(what, len(starts), lambda: len(found), config.execution.progress_s):
        for start, result in windowed(starts, submit, lambda: cluster_slots(gpus)):
            found[start] = result
    parts = [found[start] for start in starts]
    return Fidelity(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("chamfer", "psnr", "near_psnr"))
    )


def _measured(fitted: Fitted, rows: list[dict[str, Any]], config: Config, *sampled: dict[str, Any]) -> Fidelity:
    """A Ray task: the fits of some shapes, the rows of these in the instances table, and of all but clouds their points."""
    use_threads(config.execution.fitting_threads)
    theta = torch.from_numpy(fitted.theta.copy())  # what Ray hands over is read-only
    distances = _chamfer(fitted, theta, config)
    if kind_of(config.field.kind).cloud:
        unknown = np.full(len(rows), np.nan)
        return Fidelity(distances, unknown, unknown)
    points = as_fitted(rows, sampled, config)
    return Fidelity(distances, *(_psnr(theta, points, kind, config) for kind in ("uniform", "near")))


def _chamfer(fitted: Fitted, theta: torch.Tensor, config: Config) -> np.ndarray:
    """Distances (K,) of the fields' surfaces from their shapes' own."""
    own = dict(zip(fitted.ids, real_shapes(fitted, config).clouds, strict=True))
    made, _ = shapes_of(fitted.ids, theta, config, "reconstructed")
    distances = dict.fromkeys(fitted.ids, float("nan"))
    if made.ids:
        real = torch.stack([own[name] for name in made.ids])
        distances.update(zip(made.ids, distances_of_partners(made.clouds, real).tolist(), strict=True))
    return np.array(list(distances.values()))


def _psnr(theta: torch.Tensor, sampled: Sequence[dict[str, Any]], kind: str, config: Config) -> np.ndarray:
    """Decibels (K,) at the held-out points of this kind."""
    field = field_of(config)
    assert not isinstance(field, PointCloud), "a cloud has no inside"
    device = worker_device()
    points, labels = (stack(list(sampled), f"held_out_{kind}{what}") for what in ("", "_labels"))
    chunks = [logits for _, logits in logits_at(field, theta, points, device, times=times_of(config))]
    inside = torch.cat(chunks, dim=1).double().sigmoid().cpu()  # (K, P)
    return psnr(inside.unsqueeze(-1), unpack(labels).double().unsqueeze(-1)).numpy()
