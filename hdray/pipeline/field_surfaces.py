"""Fields by points on their surfaces, extracted by Ray tasks all over the cluster, exactly as generated shapes are."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import Collector, ShapeSet
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.progress import Progress
from hdray.pipeline.run_directory import content_hash
from hdray.pipeline.shapes import Vectors, layout_of, surface_clouds
from hdray.pipeline.windowed import cluster_slots, windowed
from hdray.surfaces.polygonise import EmptySurface

if TYPE_CHECKING:
    import ray

EXTRACTED_TOGETHER = 4
"""Surfaces that a task extracts at least, seconds of work; an animation has one a frame."""
Draw = tuple[str, str]
"""A set's name and, in it, the id of a vector: what points are drawn for."""


def field_surfaces(
    sets: Mapping[str, Vectors], config: Config, protocol: Protocol, resources: Resources, whole: Collection[str] = ()
) -> dict[str, ShapeSet]:
    """Each set by points on its fields' surfaces; a field without one is an exclusion with its reason.

    Equal vectors are extracted once, whatever sets they are in; their points are drawn for each (set, id). Sets named in
    `whole` keep all of them, however many the protocol compares.
    """
    import ray

    vectors, draws = _distinct(sets)
    gpus = resources.gpus_per_actor
    task = ray.remote(_extract).options(num_cpus=0 if gpus else 1, num_gpus=gpus)

    together = -(-EXTRACTED_TOGETHER // max(config.signal.frames, 1))

    def submit(first: int) -> "ray.ObjectRef[list[list[np.ndarray] | str]]":
        part = slice(first, first + together)
        return task.remote(torch.stack(vectors[part]).numpy(), draws[part], config)

    collectors = {
        kind: Collector(replace(protocol, points=0) if kind in whole else protocol, config.seed) for kind in sets
    }
    starts, done = range(0, len(vectors), together), 0
    with Progress(f"parts of {len(vectors)} fields extracted", len(starts), lambda: done, config.execution.progress_s):
        for first, found in windowed(starts, submit, partial(cluster_slots, gpus)):
            for wanted, clouds in zip(draws[first : first + together], found, strict=True):
                for index, (kind, name) in enumerate(wanted):
                    if isinstance(clouds, str):
                        collectors[kind].exclude(name, clouds)
                    else:
                        collectors[kind].add(name, partial(clouds[index].reshape, layout_of(config)))
            done += 1
    return {kind: collector.done() for kind, collector in collectors.items()}


def _distinct(sets: Mapping[str, Vectors]) -> tuple[list[torch.Tensor], list[list[Draw]]]:
    """The different vectors of all sets, and for each the draws of points on its surface."""
    rows: dict[str, int] = {}
    vectors: list[torch.Tensor] = []
    draws: list[list[Draw]] = []
    for kind, members in sets.items():
        for name, vector in zip(members.ids, members.theta, strict=True):
            row = rows.setdefault(content_hash(vector.numpy().tobytes()), len(vectors))
            if row == len(vectors):
                vectors.append(vector)
                draws.append([])
            draws[row].append((kind, name))
    return vectors, draws


def _extract(theta: np.ndarray, draws: list[list[Draw]], config: Config) -> list[list[np.ndarray] | str]:
    """A Ray task: for each vector (N, D) a cloud for each draw, or why its field has no surface."""
    use_threads(config.execution.fitting_threads)
    names = [[f"{kind} {name}" for kind, name in wanted] for wanted in draws]
    found = surface_clouds(torch.from_numpy(theta.copy()), names, config)  # what Ray hands over is read-only
    return [clouds.reason if isinstance(clouds, EmptySurface) else clouds for clouds in found]
