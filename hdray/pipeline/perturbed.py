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
from hdray.metrics.weight_structure import Barrier, agreement, barrier, midpoints, paired_cosines, perturbed_start
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.field import field_of
from hdray.pipeline.fitting import stack, times_of
from hdray.pipeline.progress import Progress
from hdray.pipeline.sampled_again import SampledAgain, as_fitted
from hdray.pipeline.shapes import shapes_of
from hdray.pipeline.windowed import cluster_slots, windowed
from hdray.report.weight_spaces import Perturbation
from hdray.seeds import torch_stream
from hdray.signals.points import decode

DRAWS = 256
"""Starts whose mean stands for that of their distribution: what is perturbed are the differences from it."""


@dataclass(frozen=True)
class Agreeing:
    """Of a batch of K instances at L strengths: vectors (L, K, D) of the second fits, (K, D) of the first, and barriers."""

    first: np.ndarray
    second: np.ndarray
    height: np.ndarray
    """(L, K), in Chamfer distances, squared; infinite without a surface."""
    excess: np.ndarray
    """(L, K) likewise; NaN without one."""


def perturbed_fits(
    config: Config,
    instances: Sequence[dict[str, Any]],
    strengths: Sequence[float],
    sampled: SampledAgain,
    resources: Resources,
) -> Perturbation:
    """Fit each instance from a draw of its own, and again from one perturbed with each strength.

    Draws are of the field's own initialisation, as in the paper, wherever the run's fits start. `instances`: rows of the
    instances table with id, source and content_hash, `config.fit.batch_size` to a task.
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
        rows = list(instances[first : first + together])
        return task.remote(config, rows, list(strengths), *sampled.rows(rows, config))

    with progress:
        for start, result in windowed(starts, submit, lambda: cluster_slots(gpus)):
            found[start] = result
    parts = [found[start] for start in starts]
    first = torch.from_numpy(np.concatenate([part.first for part in parts]))
    second = torch.from_numpy(np.concatenate([part.second for part in parts], axis=1))
    alike = [likeness(first, one) for one in second]
    return Perturbation(
        strengths=list(strengths),
        similarity=np.stack([one.cosine for one in alike]),
        centred=np.stack([one.centred for one in alike]),
        distance_ratio=[one.ratio for one in alike],
        barrier=np.concatenate([part.height for part in parts], axis=1),
        excess=np.concatenate([part.excess for part in parts], axis=1),
    )


@dataclass(frozen=True)
class Likeness:
    """Of the two vectors of each of K instances; NaN where a fit diverged."""

    cosine: np.ndarray
    """(K,), of vectors as they are."""
    centred: np.ndarray
    """(K,), of vectors less the mean of all; NaN of a single instance, whose two vectors lie about their own mean."""
    ratio: float
    """Distance of an instance's two vectors over that of different instances'; NaN of a single one."""


def likeness(first: torch.Tensor, second: torch.Tensor) -> Likeness:
    """How alike the fits first (K, D) and second (K, D) of the same instances are; those that are not finite are left out."""
    known = first.isfinite().all(dim=1) & second.isfinite().all(dim=1)
    one, other = first[known], second[known]
    cosine, centred = (torch.full((len(first),), torch.nan, dtype=torch.float64) for _ in range(2))
    if len(one):
        cosine[known] = paired_cosines(one, other, centred=False)
    if len(one) < 2:
        return Likeness(cosine.numpy(), centred.numpy(), float("nan"))
    centred[known] = paired_cosines(one, other, centred=True)
    return Likeness(cosine.numpy(), centred.numpy(), agreement(one, other).ratio)


def _fit_twice(
    config: Config, rows: list[dict[str, Any]], strengths: list[float], *sampled: dict[str, Any]
) -> Agreeing:
    """A Ray task: fit the instances, sampled before, from each start."""
    use_threads(config.execution.fitting_threads)
    found = as_fitted(rows, sampled, config)
    field = field_of(config)
    assert isinstance(field, DescentField), "the job asks only for kinds that are descended to"
    ids = [row["id"] for row in rows]
    points, labels, surface = (stack(found, name) for name in ("points", "labels", "surface"))
    device = worker_device()
    times = times_of(config)

    def fitted(start: torch.Tensor) -> torch.Tensor:
        return represent(field, points, labels, surface, start, config.fit, ids, config.fit_seed, device, times).theta

    def drawn(number: int) -> torch.Tensor:
        return torch.stack([field.initialise(torch_stream(config.fit_seed, name, "start", number)) for name in ids])

    stream = torch_stream(config.fit_seed, "mean start")
    mean = torch.stack([field.initialise(stream) for _ in range(DRAWS)]).mean(dim=0)
    one, other = drawn(1), drawn(2)
    first = fitted(one)
    # Fits from one start are one fit.
    second = [fitted(perturbed_start(one, other, strength, mean)) if strength else first for strength in strengths]
    own = dict(zip(ids, decode(surface), strict=True))
    between = barriers(first, second, own, config)
    return Agreeing(
        first=first.numpy(),
        second=torch.stack(second).numpy(),
        height=np.stack([one.height.numpy() for one in between]),
        excess=np.stack([one.excess.numpy() for one in between]),
    )


def barriers(
    first: torch.Tensor, second: Sequence[torch.Tensor], own: dict[str, torch.Tensor], config: Config
) -> list[Barrier]:
    """What lies between the first fits (K, D) and each of L second ones, instances' own surfaces being clouds (P, 3)."""
    from_first = _distances(first, own, config)

    def distances(theta: torch.Tensor) -> torch.Tensor:
        # Fits from one start are the first ones, and so is the middle between them.
        return from_first if torch.equal(theta, first) else _distances(theta, own, config)

    return [barrier(distances(midpoints(first, theta)), from_first, distances(theta)) for theta in second]


def _distances(theta: torch.Tensor, own: dict[str, torch.Tensor], config: Config) -> torch.Tensor:
    """Chamfer distances (K,) of the fields' surfaces from these clouds (P, 3); infinite of a field without a surface."""
    found, _ = shapes_of(list(own), theta, config, "between")
    distances = dict.fromkeys(own, float("inf"))
    if found.ids:
        real = torch.stack([own[name] for name in found.ids])
        distances.update(zip(found.ids, distances_of_partners(found.clouds, real).tolist(), strict=True))
    return torch.tensor(list(distances.values()), dtype=torch.float64)
