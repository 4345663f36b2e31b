"""Surfaces of fields by points, extracted by Ray tasks all over the cluster; with a store, once for all its runs.

The trials of a search differ in their generators: the surfaces of the fields that they were trained on, and of those that
they are compared with, are the same in all of them, and take longer than sampling does.
"""

import io
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.fields.kinds import name_keys
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.lease import Lease
from hdray.pipeline.progress import Progress
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.shapes import surface_clouds
from hdray.pipeline.storage import join, read_bytes, write_bytes
from hdray.pipeline.windowed import cluster_slots, windowed
from hdray.surfaces.polygonise import EmptySurface

if TYPE_CHECKING:
    import ray

STAGE = "extract"
FILE = "clouds.npz"
EXTRACTED_TOGETHER = 4
"""Surfaces that a task extracts at least, seconds of work; an animation has one a frame."""
Clouds = list[np.ndarray] | str
"""Of a vector: a cloud (P, 3) or (T P, 3) float32 for each draw, or why its field has no surface."""


def extracted(
    vectors: np.ndarray, draws: list[list[str]], config: Config, resources: Resources, clock: Clock
) -> Iterator[tuple[int, Clouds]]:
    """The rows of vectors (N, D) in any order, each with a cloud for each of the names that points are drawn for.

    With a store another run that is at it is waited for.
    """
    if not config.store:
        yield from _extracted(vectors, draws, config, resources)
        return
    place = RunDirectory(join(config.store, "surfaces", _made_of(vectors, draws, config)))
    with clock.aside(), Lease(place, patient=True):
        if not place.has(FILE):
            place.begin(STAGE, {}, {}, FILE)
            begin = time.monotonic()
            found = dict(_extracted(vectors, draws, config, resources))
            write_bytes(place.path(FILE), _written([found[row] for row in range(len(vectors))]))
            place.finish(STAGE, time.monotonic() - begin)
    clock.used(STAGE, place)
    yield from enumerate(_read(read_bytes(place.path(FILE)), draws))


def _extracted(
    vectors: np.ndarray, draws: list[list[str]], config: Config, resources: Resources
) -> Iterator[tuple[int, Clouds]]:
    import ray

    gpus = resources.gpus_per_actor
    task = ray.remote(_extract).options(num_cpus=0 if gpus else 1, num_gpus=gpus)
    together = -(-EXTRACTED_TOGETHER // max(config.signal.frames, 1))

    def submit(first: int) -> "ray.ObjectRef[list[Clouds]]":
        part = slice(first, first + together)
        return task.remote(vectors[part], draws[part], config)

    starts, done = range(0, len(vectors), together), 0
    said = f"parts of {len(vectors)} fields extracted"
    with Progress(said, len(starts), lambda: done, config.execution.progress_s):
        for first, found in windowed(starts, submit, partial(cluster_slots, gpus)):
            yield from enumerate(found, first)
            done += 1


def _extract(theta: np.ndarray, draws: list[list[str]], config: Config) -> list[Clouds]:
    """A Ray task."""
    use_threads(config.execution.fitting_threads)
    found = surface_clouds(torch.from_numpy(theta.copy()), draws, config)  # what Ray hands over is read-only
    return [clouds.reason if isinstance(clouds, EmptySurface) else clouds for clouds in found]


def _made_of(vectors: np.ndarray, draws: list[list[str]], config: Config) -> str:
    """A hash of everything that the clouds depend on, but the device."""
    keys: dict[str, Any] = result_keys(config, "field", "signal") | name_keys(config.field.kind)
    settings = config.generate
    keys["extraction"] = [settings.resolution, settings.level, settings.method, settings.legacy_grid, config.seed]
    shared = read_bytes(initialisation_url(RunDirectory(config.run)))
    return content_hash(json.dumps(keys, sort_keys=True), content_hash(shared), json.dumps(draws), vectors.tobytes())


def _written(found: list[Clouds]) -> bytes:
    """All clouds in one array (C, P, 3), and a reason for each vector, empty where it has a surface."""
    reasons = np.array([clouds if isinstance(clouds, str) else "" for clouds in found], dtype=np.str_)
    clouds = [cloud for clouds in found if not isinstance(clouds, str) for cloud in clouds]
    content = io.BytesIO()
    np.savez(content, reasons=reasons, clouds=np.array(clouds, np.float32))
    return content.getvalue()


def _read(content: bytes, draws: list[list[str]]) -> list[Clouds]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        reasons, clouds = file["reasons"].tolist(), iter(file["clouds"])
    return [reason or [next(clouds) for _ in names] for reason, names in zip(reasons, draws, strict=True)]
