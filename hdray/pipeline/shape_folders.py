"""Sets of shapes out of folders and runs, local or in a bucket, read by Ray tasks."""

import csv
import io

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import READ, Collector, ShapeSet, merged
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.generate_stage import samples_table
from hdray.pipeline.inputs import FAMILY_FILE
from hdray.pipeline.instances import instances_table
from hdray.pipeline.progress import Progress
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import exists, join, list_files, read_bytes
from hdray.signals.points import decode

FILES_A_TASK = 16
HELD_OUT = ("validation", "test")


def read_shapes(option: str, url: str, protocol: Protocol, seed: int) -> ShapeSet:
    """The shapes at a resolved URL, which the command line gave as `option`.

    A folder: its meshes and clouds, with the families in its families.csv. A run: its generated shapes for --samples, its
    held-out shapes for --reference and those of its train split for --training, by the points the run holds.
    Raises UserError where there is nothing to read.
    """
    run = RunDirectory(url)
    table = samples_table(run) if option == "--samples" else instances_table(run)
    try:
        is_run = exists(table.commits_url)
        files = [] if is_run else list(list_files(url))
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors; each is the user's to read
        raise UserError(f"{option} {url} cannot be read: {type(error).__name__}: {error}") from error
    if is_run and option == "--samples":
        return _of_samples(table, protocol, seed)
    if is_run:
        return _of_instances(table, ("train",) if option == "--training" else HELD_OUT, protocol, seed)
    shapes = [path for path in files if path.lower().endswith(READ)]
    if not shapes:
        found = f"of the {len(files)} files there none is a shape" if files else "there are no files there"
        raise UserError(f"{option} {url} holds no shapes ({found}); give a folder of {' '.join(READ)} files, or a run")
    families = _families(join(url, FAMILY_FILE)) if FAMILY_FILE in files else {}
    return _of_files(url, shapes, families, protocol, seed)


def _of_files(url: str, names: list[str], families: dict[str, str], protocol: Protocol, seed: int) -> ShapeSet:
    import ray

    task = ray.remote(_read).options(num_cpus=1)
    chunks = [names[start : start + FILES_A_TASK] for start in range(0, len(names), FILES_A_TASK)]
    waiting = [task.remote(url, chunk, families, protocol, seed) for chunk in chunks]
    parts: list[ShapeSet] = []
    with Progress(f"parts of {len(names)} files read", len(chunks), lambda: len(parts), 10.0):
        for part in waiting:
            parts.append(ray.get(part))
    return merged(parts)


def _read(url: str, names: list[str], families: dict[str, str], protocol: Protocol, seed: int) -> ShapeSet:
    """A Ray task: the shapes in some of a folder's files."""
    collector = Collector(protocol, seed, families)
    for name in names:
        collector.add_file(name, read_bytes(join(url, name)))
    return collector.done()


def _of_samples(table: CommittedTable, protocol: Protocol, seed: int) -> ShapeSet:
    collector = Collector(protocol, seed)
    rows = table.read(["surface", "reason"])
    if rows is not None:
        for name, surface, reason in zip(rows["id"].to_pylist(), rows["surface"], rows["reason"], strict=True):
            if surface.is_valid:
                collector.add_cloud(name, surface.values.to_numpy().reshape(-1, 3))
            else:
                collector.exclude(name, reason.as_py())
    return collector.done()


def _of_instances(table: CommittedTable, splits: tuple[str, ...], protocol: Protocol, seed: int) -> ShapeSet:
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
            collector.add_cloud(source, decode(surface.values.to_numpy()).reshape(-1, 3))
        else:
            collector.exclude(source, reason.as_py())
    return collector.done()


def _families(url: str) -> dict[str, str]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(url).decode())))
        return {row["file"]: row["family"] for row in rows}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{url} must be a CSV file with the columns file,family ({error!r})") from error
