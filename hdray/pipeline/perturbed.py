"""Fits of the same instances from two starts, and what lies between them: Figure 3 of the mLoRA paper, by Ray tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.fields.field import DescentField
from hdray.fitting.represent import represent
from hdray.metrics.temporal import distances_of_partners
from hdray.metrics.weight_structure import midpoints, paired_cosines, perturbed_start
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.field import field_of
from hdray.pipeline.fitting import stack, times_of
from hdray.pipeline.progress import Progress
from hdray.pipeline.sampled_again import sampled_again
from hdray.pipeline.shapes import shapes_of
from hdray.pipeline.windowed import cluster_slots, windowed
from hdray.report.weight_spaces import Perturbation
from hdray.seeds import torch_stream
from hdray.signals.points import decode

DRAWS = 256
"""Starts whose mean stands for that of their distribution: what is perturbed are the differences from it."""


@dataclass(frozen=True)
class Agreeing:
    """Of a batch of K instances at L strengths: vectors (L, K, D) of the second fits, (K, D) of the first, and distances."""

    first: np.ndarray
    second: np.ndarray
    between: np.ndarray
    """(L, K) Chamfer distance, squared, of the averaged vectors' surface to the instance's own; NaN without a surface."""


def perturbed_fits(
    config: Config, instances: Sequence[dict[str, Any]], strengths: Sequence[float], resources: Resources
) -> Perturbation:
    """Fit each instance from a draw of its own, and again from one perturbed with each strength.

    `instances`: rows of the instances table with id, source and content_hash, `config.fit.batch_size` to a task.
    """
    import ray

    gpus = resources.gpus_per_actor
    task = ray.remote(_fit_twice).options(num_cpus=config.execution.task_cpus, num_gpus=gpus)
    together = config.fit.batch_size
    starts = range(0, len(instances), together)
    found: dict[int, Agreeing] = {}
    progress = Progress(
        f"parts of {len(instances)} shapes fitted from two starts",
        len(starts),
        lambda: len(found),
        config.execution.progress_s,
    )

    def submit(first: int) -> "ray.ObjectRef[Agreeing]":
        return task.remote(config, list(instances[first : first + together]), list(strengths))

    with progress:
        for start, result in windowed(starts, submit, lambda: cluster_slots(gpus)):
            found[start] = result
    parts = [found[start] for start in starts]
    first = torch.from_numpy(np.concatenate([part.first for part in parts]))
    second = torch.from_numpy(np.concatenate([part.second for part in parts], axis=1))
    return Perturbation(
        strengths=list(strengths),
        similarity=np.stack([paired_cosines(first, one).numpy() for one in second]),
        barrier=np.concatenate([part.between for part in parts], axis=1),
    )


def _fit_twice(config: Config, rows: list[dict[str, Any]], strengths: list[float]) -> Agreeing:
    """A Ray task: sample the instances once, fit them from each start."""
    use_threads(config.execution.fitting_threads)
    sampled = sampled_again(rows, config)
    field = field_of(config)
    assert isinstance(field, DescentField), "the job asks only for kinds that are descended to"
    ids = [row["id"] for row in rows]
    points, labels, surface = (stack(sampled, name) for name in ("points", "labels", "surface"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    times = times_of(config)

    def fitted(start: torch.Tensor) -> torch.Tensor:
        return represent(field, points, labels, surface, start, config.fit, ids, config.seed, device, times).theta

    def drawn(number: int) -> torch.Tensor:
        return torch.stack([field.initialise(torch_stream(config.seed, name, "start", number)) for name in ids])

    stream = torch_stream(config.seed, "mean start")
    mean = torch.stack([field.initialise(stream) for _ in range(DRAWS)]).mean(dim=0)
    one, other = drawn(1), drawn(2)
    first = fitted(one)
    second = [fitted(perturbed_start(one, other, strength, mean)) for strength in strengths]
    own = dict(zip(ids, decode(surface), strict=True))
    between = [_distances(midpoints(first, theta), own, config) for theta in second]
    return Agreeing(first.numpy(), torch.stack(second).numpy(), np.stack(between))


def _distances(theta: torch.Tensor, own: dict[str, torch.Tensor], config: Config) -> np.ndarray:
    """Chamfer distances (K,) of the fields' surfaces from these clouds (P, 3); NaN of a field without a surface."""
    found, _ = shapes_of(list(own), theta, config, "between")
    distances = dict.fromkeys(own, float("nan"))
    if found.ids:
        real = torch.stack([own[name] for name in found.ids])
        distances.update(zip(found.ids, distances_of_partners(found.clouds, real).tolist(), strict=True))
    return np.array(list(distances.values()))
