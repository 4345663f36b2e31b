"""Tables of a run as a pipeline would have written and committed them, without a cluster."""

import io

import pyarrow as pa
import pyarrow.parquet as parquet

from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.storage import join, write_bytes


def write_rows(table: CommittedTable, name: str, rows: pa.Table) -> None:
    """Commit the rows under a name that the table does not have yet."""
    for url, content in (
        (join(table.rows_url, f"{name}-0.parquet"), rows),
        (join(table.commits_url, f"{name}.parquet"), rows.select(["id"])),
    ):
        sink = io.BytesIO()
        parquet.write_table(content, sink)
        write_bytes(url, sink.getvalue())
