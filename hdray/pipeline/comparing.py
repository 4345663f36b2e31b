"""Files compared on the cluster, each once: actors that read them under limits, and what they found, kept in the run."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hdray.config.tree import Config
from hdray.pipeline.cluster import Resources
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.inputs import Input, read_content
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.signals.fingerprint import Comparison
from hdray.signals.limits import LimitedReader
from hdray.signals.rejection import Rejected

if TYPE_CHECKING:
    import pyarrow as pa


def file_key(item: Input, config: Config) -> str:
    """What names a file and all that its geometry depends on: another time or size is another file."""
    signal = config.signal
    details = f"{item.modified} {item.size} {signal.frames} {signal.normalisation}"
    return f"{item.id}-{blake2b(details.encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True)
class Comparing:
    """What is known of the run's files; what is not is found out on the cluster and kept below duplicates/."""

    run: RunDirectory
    config: Config
    resources: Resources

    def fingerprints(self, inputs: list[Input]) -> "pa.Table":
        """A row per input in order: content_hash and numbers (list of float32), null where there is no geometry."""
        keys = [file_key(item, self.config) for item in inputs]
        rows = [{"id": key, "one": item.source, "other": None} for key, item in zip(keys, inputs, strict=True)]
        return self._found("fingerprints", rows, "files looked at for duplicates")

    def distances(self, pairs: list[tuple[Input, Input]]) -> list[float]:
        """The largest distance between the surfaces of each pair; infinite where it could not be found out."""
        rows = [
            {
                "id": f"{file_key(one, self.config)} {file_key(other, self.config)}",
                "one": one.source,
                "other": other.source,
            }
            for one, other in pairs
        ]
        return self._found("pairs", rows, "pairs of files compared")["distance"].to_pylist() if rows else []

    def _found(self, name: str, rows: list[dict[str, Any]], what: str) -> "pa.Table":
        """The rows' results in the rows' order."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from ray.data import ActorPoolStrategy

        table = CommittedTable(self.run.path("duplicates", name), self.run.path("duplicates", f"{name}-commits"))
        done = table.committed()
        missing = [row for row in rows if row["id"] not in done]
        schema = pa.schema([(column, pa.string()) for column in ("id", "one", "other")])
        execution = self.config.execution
        if missing:
            table.append(
                self.run.path("stages", f"duplicates-{name}.parquet"),
                pa.Table.from_pylist(missing, schema),
                lambda manifest: manifest.map_batches(
                    ComparingActor,
                    fn_constructor_kwargs={"config": self.config},
                    batch_size=1,
                    batch_format="pyarrow",
                    compute=ActorPoolStrategy(size=min(self.resources.sampling_actors, len(missing))),
                    num_cpus=execution.task_cpus,
                ),
                what=what,
                cpus=execution.task_cpus,
                progress_s=execution.progress_s,
                silence_s=self.config.signal.time_limit_s,
            )
        found = table.read(["content_hash", "numbers", "distance"])
        assert found is not None, "the rows that were missing are committed now"
        return found.take(pc.index_in(pa.array([row["id"] for row in rows]), found["id"]))


class ComparingActor:
    """Ray Data actor: rows (id, one, other) in, what the file `one` is like, or how far it is from `other`, out."""

    def __init__(self, config: Config) -> None:
        self.config = config
        limits = config.signal
        self.reader = LimitedReader(Comparison(limits), limits.time_limit_s, limits.memory_limit_gb)
        self.reader.start()

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Look at the file or the pair of files in each row of the batch."""
        import pyarrow as pa

        schema = pa.schema(
            [
                ("id", pa.string()),
                ("content_hash", pa.string()),
                ("numbers", pa.list_(pa.float32())),
                ("distance", pa.float64()),
            ]
        )
        return pa.Table.from_pylist([self.row(row) for row in batch.to_pylist()], schema)

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """The fingerprint of one file, or the distance of two. What cannot be read is like nothing: sampling says why."""
        found: dict[str, Any] = {"id": row["id"]}
        try:
            one = read_content(self.config, row["one"])
            if row["other"] is None:
                found["content_hash"] = content_hash(one[0])
                found["numbers"] = self.reader.read(row["one"], one)
            else:
                found["distance"] = self.reader.read(row["one"], one, read_content(self.config, row["other"]))
        except Rejected:
            if row["other"] is not None:
                found["distance"] = float("inf")
        return found
