"""Sets of shapes out of folders and runs, local or in a bucket, read by Ray tasks."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hdray.config.load import from_yaml
from hdray.errors import UserError
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import Collector, ShapeSet, merged
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.generate_stage import samples_table
from hdray.pipeline.inputs import FAMILY_FILE, read_limited
from hdray.pipeline.instances import instances_table
from hdray.pipeline.lists import read_table
from hdray.pipeline.progress import Progress
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import exists, join, list_files, read_bytes
from hdray.signals.limits import LimitedReader
from hdray.signals.points import decode
from hdray.signals.settings import OccupancySettings
from hdray.surfaces.cloud_file import CLOUD_EXTENSION, MOVING_EXTENSION, READ, CloudReading, array_of

if TYPE_CHECKING:
    import numpy as np

FILES_A_TASK = 32
"""Each task that finds a mesh starts a process to read it: a second, beside the time that so many meshes take."""
HELD_OUT = ("validation", "test")


@dataclass(frozen=True)
class Limits:
    """What one file may take before it is excluded: by default what an input of a run may."""

    time_s: float = OccupancySettings().time_limit_s
    """Processor seconds."""
    memory_gb: float = OccupancySettings().memory_limit_gb
    """GiB; the file itself an eighth of it."""


def read_shapes(option: str, url: str, protocol: Protocol, seed: int, limits: Limits) -> ShapeSet:
    """The shapes at a resolved URL, which the command line gave as `option`.

    A folder: its meshes, clouds and animations, with the families in its families.csv; a file beyond the limits is an
    exclusion. A run: its generated shapes for --samples, its held-out shapes for --reference and those of its train split
    for --training, by the points the run holds. Raises UserError where there is nothing to read.
    """
    run = RunDirectory(url)
    table = samples_table(run) if option == "--samples" else instances_table(run)
    try:
        is_run = exists(table.commits_url)
        files = [] if is_run else list(list_files(url))
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors; each is the user's to read
        raise UserError(f"{option} {url} cannot be read: {type(error).__name__}: {error}") from error
    if is_run and option == "--samples":
        return _of_samples(table, _layout(run), protocol, seed)
    if is_run:
        splits = ("train",) if option == "--training" else HELD_OUT
        return _of_instances(table, _layout(run), splits, protocol, seed)
    shapes = [path for path in files if path.lower().endswith(READ)]
    if not shapes:
        found = f"of the {len(files)} files there none is a shape" if files else "there are no files there"
        raise UserError(f"{option} {url} holds no shapes ({found}); give a folder of {' '.join(READ)} files, or a run")
    moving = [path for path in shapes if path.lower().endswith(MOVING_EXTENSION)]
    if moving and protocol.frames == 0:
        raise UserError(
            f"{moving[0]} of {option} {url} is an animation, and the protocol {protocol.name} compares still shapes; take "
            "hyperdiffusion-4d, or none"
        )
    families = read_table(join(url, FAMILY_FILE), "family") if FAMILY_FILE in files else {}
    return _of_files(url, shapes, families, protocol, seed, limits)


def _of_files(
    url: str, names: list[str], families: dict[str, str], protocol: Protocol, seed: int, limits: Limits
) -> ShapeSet:
    import ray

    task = ray.remote(_read).options(num_cpus=1)
    chunks = [names[start : start + FILES_A_TASK] for start in range(0, len(names), FILES_A_TASK)]
    waiting = [task.remote(url, chunk, families, protocol, seed, limits) for chunk in chunks]
    parts: list[ShapeSet] = []
    with Progress(f"parts of {len(names)} files read", len(chunks), lambda: len(parts), 10.0):
        for part in waiting:
            parts.append(ray.get(part))
    return merged(parts)


def _read(
    url: str, names: list[str], families: dict[str, str], protocol: Protocol, seed: int, limits: Limits
) -> ShapeSet:
    """A Ray task: the shapes in some of a folder's files. What the files do to the process that reads them is theirs."""
    collector = Collector(protocol, seed, families)
    reading = CloudReading(protocol.points, protocol.frames, seed)
    with LimitedReader(reading, limits.time_s, limits.memory_gb) as reader:

        def cloud(name: str) -> "np.ndarray":
            content = read_limited(join(url, name), limits.memory_gb, "--memory-limit-gb")
            extension = "." + name.rpartition(".")[2].lower()
            # An array of numbers is all it says it is: no library that could hang or crash, and no process to start.
            return array_of(content) if extension == CLOUD_EXTENSION else reader.read(name, (content, extension))

        for name in names:
            collector.add(name, partial(cloud, name))
    return collector.done()


def _layout(run: RunDirectory) -> tuple[int, ...]:
    """The shape of a run's surface points: (P, 3), or (T, P, 3) where it models animations."""
    if not run.has("config.yaml"):
        raise UserError(
            f"{run.url} holds shapes of a run but no config.yaml, which says whether they move; put it back"
        )
    config = from_yaml(read_bytes(run.path("config.yaml")), run.path("config.yaml"))
    return (config.signal.frames, -1, 3) if config.signal.frames else (-1, 3)


def _of_samples(table: CommittedTable, layout: tuple[int, ...], protocol: Protocol, seed: int) -> ShapeSet:
    collector = Collector(protocol, seed)
    rows = table.read(["surface", "reason"])
    if rows is not None:
        for name, surface, reason in zip(rows["id"].to_pylist(), rows["surface"], rows["reason"], strict=True):
            if surface.is_valid:
                collector.add(name, partial(surface.values.to_numpy().reshape, layout))
            else:
                collector.exclude(name, reason.as_py())
    return collector.done()


def _of_instances(
    table: CommittedTable, layout: tuple[int, ...], splits: tuple[str, ...], protocol: Protocol, seed: int
) -> ShapeSet:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.read(["source", "split", "family", "reason", "surface"])
    if rows is None:
        return Collector(protocol, seed).done()
    rows = rows.filter(pc.is_in(rows["split"], value_set=pa.array(splits)))
    families = {
        source: family or source
        for source, family in zip(rows["source"].to_pylist(), rows["family"].to_pylist(), strict=True)
    }
    collector = Collector(protocol, seed, families)
    for source, surface, reason in zip(rows["source"].to_pylist(), rows["surface"], rows["reason"], strict=True):
        if surface.is_valid:
            collector.add(source, partial(decode(surface.values.to_numpy()).reshape, layout))
        else:
            collector.exclude(source, reason.as_py())
    return collector.done()
