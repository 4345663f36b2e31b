"""Labelled points that are read more than once, for training what fields share and then for fitting.

They lie in a table of their own, in the run or in a store that several runs share: what a shape's points depend on is its
file, the seed and the section `signal`, so runs that agree on these find each other's points by the hash of them.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fitting.point_set import PointSet
from hdray.pipeline.cluster import Resources
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import ACCEPTED, REJECTED, manifest_schema, sampled_schema
from hdray.pipeline.lease import Lease
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.sampling import SamplingActor
from hdray.pipeline.storage import arrow_filesystem, join
from hdray.pipeline.unchanged import check_unchanged

if TYPE_CHECKING:
    import pyarrow
    from ray.data import Dataset

STAGE = "sample"


def points_keys(config: Config) -> dict[str, Any]:
    """The result keys that a shape's points depend on, beside its file."""
    keys = result_keys(config, "", "signal")
    return {**keys, "self_intersection measured": config.inputs.max_self_intersection < 1}


def points_directory(config: Config) -> RunDirectory:
    """Where the points of runs with these keys lie."""
    return RunDirectory(join(config.store or config.run, "points", points_hash(config)))


def points_hash(config: Config) -> str:
    """A hash of these keys."""
    return content_hash(*(f"{key}={value!r}" for key, value in sorted(points_keys(config).items())))


def points_table(directory: RunDirectory) -> CommittedTable:
    """The table of sampled rows there."""
    return CommittedTable(directory.path("rows"), directory.path("commits"))


def ensure_points(config: Config, inputs: Sequence[Input], resources: Resources) -> RunDirectory:
    """Sample every input whose points are not there yet; another run that is at it is waited for."""
    directory = points_directory(config)
    with Lease(directory, patient=True):
        started = directory.begin(STAGE, points_keys(config), {}, "commits")["started"]
        table = points_table(directory)
        instead = "another --store" if config.store else "another --run"
        check_unchanged(table, directory.url, config, inputs, started, instead)
        done = table.committed()
        # A shape that this run does not use, a copy say, another may.
        missing = [item for item in inputs if item.id not in done and not item.reason]
        if missing:
            begin = time.monotonic()
            print(f"sampling {len(missing)} shapes ({len(inputs) - len(missing)} are done) into {directory.url}")
            _sample(table, directory, missing, config, resources)
            directory.finish(STAGE, time.monotonic() - begin)
    return directory


def _sample(
    table: CommittedTable, directory: RunDirectory, missing: Sequence[Input], config: Config, resources: Resources
) -> None:
    import pyarrow as pa
    from ray.data import ActorPoolStrategy

    schema, cpus = manifest_schema(), config.execution.task_cpus
    rows = [{name: asdict(item)[name] for name in schema.names} for item in missing]

    def sampled(manifest: "Dataset") -> "Dataset":
        return manifest.map_batches(
            SamplingActor,
            fn_constructor_kwargs={"config": config},
            batch_size=1,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=resources.sampling_actors),
            num_cpus=cpus,
        )

    table.append(
        directory.path("stages", "manifest.parquet"),
        pa.Table.from_pylist(rows, schema),
        sampled,
        what="shapes sampled",
        cpus=cpus,
        progress_s=config.execution.progress_s,
        silence_s=config.signal.time_limit_s,
    )


def point_files(directory: RunDirectory) -> dict[str, str]:
    """The file of the table that holds each id."""
    import pyarrow.parquet as parquet

    table = points_table(directory)
    files, _ = arrow_filesystem(table.rows_url)
    found = {}
    for path in table.row_files():
        found.update(dict.fromkeys(parquet.read_table(path, filesystem=files, columns=["id"])["id"].to_pylist(), path))
    return found


class StoredPoints:
    """In place of SamplingActor: rows of the manifest with the points that were sampled before."""

    def __init__(self, rows_url: str, files: dict[str, str]) -> None:
        """`files`: what `point_files` gives."""
        self.files = files
        self.filesystem, _ = arrow_filesystem(rows_url)

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        """A table of manifest_schema in, one of sampled_schema out."""
        import pyarrow as pa

        return pa.Table.from_pylist([self.row(row) for row in batch.to_pylist()], schema=sampled_schema())

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """The stored row, with the split, category, family and reason that it has here."""
        import pyarrow.parquet as parquet

        where = [("id", "=", row["id"])]
        if row.get("reason"):  # this run does not use it
            return {**row, "status": REJECTED, "repairs": []}
        stored = parquet.read_table(self.files[row["id"]], filesystem=self.filesystem, filters=where).to_pylist()[0]
        kept = {name: value for name, value in stored.items() if name not in manifest_schema().names}
        return {**row, **kept, "reason": stored["reason"]}


def read_points(directory: RunDirectory, ids: Sequence[str]) -> PointSet:
    """The points of those of these shapes that were accepted, in order of their ids; 7 bytes a point.

    Raises UserError where none was.
    """
    import pyarrow.parquet as parquet

    table, wanted = points_table(directory), set(ids)
    files, _ = arrow_filesystem(table.rows_url)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for path in table.row_files():
        columns = ["id", "status", "points", "labels"]
        for row in parquet.read_table(path, filesystem=files, columns=columns).to_pylist():
            if row["id"] in wanted and row["status"] == ACCEPTED:
                points = np.frombuffer(row["points"], np.uint16).reshape(-1, 3)
                found[row["id"]] = points, np.frombuffer(row["labels"], np.uint8)
    if not found:
        raise UserError(
            f"none of the {len(wanted)} training shapes can be read; see the column reason of {table.rows_url}"
        )
    order = sorted(found)
    return PointSet(order, np.stack([found[name][0] for name in order]), np.stack([found[name][1] for name in order]))
