"""A table written row by row exactly once, however often drivers and actors die on the way.

The driver writes a manifest of the rows whose ids are not committed yet; Ray Data reads it, maps it, and writes Parquet
with a two-phase commit: first the ids as pending, then the data, then pending becomes committed. What a killed driver
left pending is deleted when the next one starts.
"""

import io
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hdray.pipeline.progress import Progress
from hdray.pipeline.storage import arrow_filesystem, write_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset


PENDING = ".pending.parquet"


@dataclass(frozen=True)
class CommittedTable:
    """A Parquet table and the ids of its committed rows, each a folder at a resolved URL."""

    rows_url: str
    commits_url: str

    def row_files(self) -> list[str]:
        """Paths of the table's files, without those whose rows are not committed: they may be cut off."""
        committed = {posixpath.basename(path).removesuffix(".parquet") for path in self.commit_files()}
        files = _parquet_files(self.rows_url)
        return [path for path in files if posixpath.basename(path).rpartition("-")[0] in committed]

    def commit_files(self) -> list[str]:
        """Paths of the files that hold committed ids."""
        return [path for path in _parquet_files(self.commits_url) if not path.endswith(PENDING)]

    def _pending(self) -> list[str]:
        """Paths of the files that hold ids of rows that are being written, or were when a driver was killed."""
        return [path for path in _parquet_files(self.commits_url) if path.endswith(PENDING)]

    def committed(self) -> set[str]:
        """Ids of the committed rows."""
        import pyarrow.parquet as parquet

        paths = self.commit_files()
        files, _ = arrow_filesystem(self.commits_url)
        return set(parquet.read_table(paths, filesystem=files, columns=["id"])["id"].to_pylist()) if paths else set()

    def read(self, columns: list[str], schema: "pa.Schema | None" = None) -> "pa.Table | None":
        """These columns (and the id) of the whole table in order of id; None where there are no rows.

        With `schema`, columns that some files lack are null there.
        """
        import pyarrow.parquet as parquet

        paths = self.row_files()
        files, _ = arrow_filesystem(self.rows_url)
        wanted = list(dict.fromkeys(["id", *columns]))
        return (
            parquet.read_table(paths, filesystem=files, columns=wanted, schema=schema).sort_by("id") if paths else None
        )

    def append(
        self,
        manifest_url: str,
        manifest: "pa.Table",
        build: "Callable[[Dataset], Dataset]",
        *,
        what: str,
        cpus: float,
        progress_s: float,
        silence_s: float,
    ) -> None:
        """Make and commit the rows of `manifest`, none of which may be committed already.

        `build` maps the dataset of the manifest (a row a block) to the table's rows and must keep the column id.
        `silence_s` is how long the pipeline may go without any output before Ray Data calls it hung.
        """
        import pyarrow.parquet as parquet
        import ray.data

        sink = io.BytesIO()
        parquet.write_table(manifest, sink)
        write_bytes(manifest_url, sink.getvalue())
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # they garble the logs of jobs; Progress counts what is committed
        context.print_on_execution_start = False
        context.execution_no_progress_timeout_s = int(1800 + silence_s)
        context.checkpoint_config = self._commit_protocol()
        # Ray Data commits only what it read from files, and a block is what it hands to an actor: the rows must leave the
        # reader one by one. Only the first version of its reader can do that; repartition() would, but its task asks for
        # a whole CPU until the last row is taken, and on a small machine that leaves none to the writers.
        context.use_datasource_v2, former_reader = False, context.use_datasource_v2
        try:
            files, path = arrow_filesystem(manifest_url)
            rows = ray.data.read_parquet(path, filesystem=files, num_cpus=cpus, override_num_blocks=manifest.num_rows)
            files, path = arrow_filesystem(self.rows_url)
            with Progress(what, manifest.num_rows, _Counter(self).count, progress_s):
                build(rows).write_parquet(path, filesystem=files, ray_remote_args={"num_cpus": cpus})
        finally:
            context.checkpoint_config, context.use_datasource_v2 = None, former_reader

    def _commit_protocol(self) -> Any:
        from ray.data.checkpoint import CheckpointConfig
        from ray.data.checkpoint.checkpoint_filter import CheckpointManager

        class PendingCleaner(CheckpointManager):
            """Removes what a killed run wrote without committing, and asks for no filter.

            Ray's own manager adds a pool of filter actors (a CPU and a GiB each), which two CPUs cannot place beside
            the stages; the manifest holds only rows that are not committed, so there is nothing to filter.
            """

            def load_checkpoint(self, data_file_dir: Any = None, data_file_filesystem: Any = None) -> tuple[None, int]:
                for url in completed:
                    files.delete_file(url)
                self._clean_pending_checkpoints(data_file_dir, data_file_filesystem)
                return None, 0

        files, path = arrow_filesystem(self.commits_url)
        # A bucket renames by copying, then deleting: killed in between, it holds both. What is committed is not pending.
        committed = set(self.commit_files())
        completed = [url for url in self._pending() if url.replace(PENDING, ".parquet") in committed]
        return CheckpointConfig(
            id_column="id",
            checkpoint_path=path,
            delete_checkpoint_on_success=False,
            override_filesystem=files,
            checkpoint_manager_cls=PendingCleaner,
        )


class _Counter:
    """Counts the rows committed since it was made, reading the length of each commit file once."""

    def __init__(self, table: CommittedTable) -> None:
        self.table = table
        self.files, _ = arrow_filesystem(table.commits_url)
        self.rows = dict.fromkeys(table.commit_files(), 0)

    def count(self) -> int:
        import pyarrow.parquet as parquet

        for path in self.table.commit_files():
            if path not in self.rows:
                self.rows[path] = parquet.read_metadata(path, filesystem=self.files).num_rows
        return sum(self.rows.values())


def _parquet_files(url: str) -> list[str]:
    from pyarrow.fs import FileSelector

    files, path = arrow_filesystem(url)
    found = files.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
    return sorted(info.path for info in found if info.path.endswith(".parquet"))
