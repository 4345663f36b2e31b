"""The instances table: its schema, and how finished rows are read back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hdray.errors import UserError
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.run_directory import RunDirectory, content_hash

if TYPE_CHECKING:
    import pyarrow

ACCEPTED = "accepted"
REJECTED = "rejected"
POINT_COLUMNS = (
    "points",
    "labels",
    "held_out_uniform",
    "held_out_uniform_labels",
    "held_out_near",
    "held_out_near_labels",
)


def manifest_schema() -> "pyarrow.Schema":
    """What is known of a shape before it is sampled.

    duplicate_of: the id of the first shape of the same geometry, null where there is none. reason: why it is not to be
    sampled, null where it is.
    """
    import pyarrow as pa

    names = ("id", "source", "split", "category", "family", "duplicate_of", "reason")
    return pa.schema([(name, pa.string()) for name in names])


def sampled_schema() -> "pyarrow.Schema":
    """What sampling adds: labelled points of the accepted, the reason of the rejected."""
    import pyarrow as pa

    return pa.schema(
        [
            *manifest_schema(),
            ("content_hash", pa.string()),
            ("status", pa.string()),
            ("repairs", pa.list_(pa.string())),
            ("solid_fraction", pa.float32()),
            ("self_intersection", pa.float32()),
            ("sampled_at", pa.float64()),
            ("sample_seconds", pa.float32()),
            *[(name, pa.binary()) for name in ("surface", *POINT_COLUMNS)],
        ]
    )


def instances_schema() -> "pyarrow.Schema":
    """The table: a row per input.

    surface: points x 3 coordinates in 16 bits (see hdray.signals.points), null when rejected. sampled_at: when sampling
    began, seconds since 1970. theta: the field's vector, null when rejected. loss: mean binary cross entropy over the
    held-out points; iou and near_iou: on held-out uniform and near-surface points;
    these three are null for clouds of points, which have no inside. fit_seconds: the time of the fitting
    batch divided by the shapes in it. self_intersection: share of the file's surface that cuts through itself (see
    hdray.signals.self_intersection), NaN where that is too much to measure, null where inputs.max_self_intersection was 1
    when the file was read, and so nobody measured. reason: why there is no vector.
    """
    import pyarrow as pa

    sampled = [sampled_schema().field(index) for index in range(len(sampled_schema()))]
    kept = [field for field in sampled if field.name not in POINT_COLUMNS and field.name != "surface"]
    return pa.schema(
        [
            *kept,
            ("surface", pa.list_(pa.uint16())),
            ("theta", pa.large_list(pa.float32())),  # 32-bit offsets end at 58,000 shapes
            ("loss", pa.float32()),
            ("iou", pa.float32()),
            ("near_iou", pa.float32()),
            ("fit_steps", pa.int32()),
            ("fit_seconds", pa.float32()),
            ("shared_hash", pa.string()),
        ]
    )


def instances_table(run: RunDirectory) -> CommittedTable:
    """The run's instances and their commits."""
    return CommittedTable(run.path("instances"), run.path("commits"))


def read_columns(run: RunDirectory, columns: list[str]) -> "pyarrow.Table":
    """These columns of the whole table, in order of id; null where a row was written before there was such a column.

    Raises UserError where the run has no instances.
    """
    table = instances_table(run).read(columns, instances_schema())
    if table is None:
        raise UserError(f"{run.url} holds no instances; run jobs/fit.py --run {run.url} first")
    return table


def instances_hash(run: RunDirectory) -> str:
    """A hash of what later stages read of the table: which shapes have which vectors."""
    table = read_columns(run, ["split", "status", "near_iou", "theta"])
    hashes = [content_hash(*(str(part) for part in row.values())) for row in table.drop_columns("theta").to_pylist()]
    vectors = table["theta"].combine_chunks()
    return content_hash(*hashes, bytes(memoryview(vectors.flatten().to_numpy(zero_copy_only=False))))


def counts(run: RunDirectory, gate: float) -> dict[str, int]:
    """Shapes in, and what became of them: inputs, accepted, rejected, fitted, and passed (the quality gate)."""
    rows = read_columns(run, ["status", "reason", "near_iou"]).to_pylist()
    fitted = [row["near_iou"] for row in rows if row["reason"] is None]
    accepted = sum(row["status"] == ACCEPTED for row in rows)
    return {
        "inputs": len(rows),
        "accepted": accepted,
        "rejected": len(rows) - accepted,
        "fitted": len(fitted),
        "passed": sum(near_iou is None or near_iou >= gate for near_iou in fitted),
    }


def matrix(column: "pyarrow.ChunkedArray", dtype: type) -> np.ndarray:
    """A column of equally long lists without nulls as (N, length)."""
    array = column.combine_chunks()
    return np.array(array.flatten(), dtype=dtype).reshape(len(array), -1)


@dataclass(frozen=True)
class Fitted:
    """Rows that have a vector, in order of id."""

    ids: list[str]
    sources: list[str]
    theta: np.ndarray
    """(N, D) float32."""
    surface: np.ndarray
    """(N, S, 3) uint16, coded."""

    def at(self, rows: Sequence[int]) -> "Fitted":
        """Those in these rows, in their order."""
        chosen = list(rows)
        ids, sources = ([names[row] for row in chosen] for names in (self.ids, self.sources))
        return Fitted(ids, sources, self.theta[chosen], self.surface[chosen])


def read_fitted(
    run: RunDirectory,
    splits: Sequence[str],
    minimum_near_iou: float = 0.0,
    most_self_intersection: float = 1.0,
    excluded: Collection[str] = (),
) -> Fitted:
    """Fitted shapes of these splits whose held-out near-surface IoU, where they have one, reaches the gate.

    `most_self_intersection` below 1 leaves out shapes whose files cut through themselves more, or too much to measure,
    `excluded` ids. Raises UserError where there is none, or where vectors were fitted with another shared file than the run's.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    # Not above: it takes torch, which actors that sample shapes do without, a second and 200 MB of each.
    from hdray.pipeline.belonging import check_vectors

    columns = ["source", "split", "status", "near_iou", "self_intersection", "theta", "surface", "shared_hash"]
    table = read_columns(run, columns)
    in_splits = pc.is_in(table["split"], value_set=pa.array(list(splits), pa.string()))
    keep = pc.and_(in_splits, pc.equal(table["status"], ACCEPTED))
    keep = pc.and_(keep, pc.is_valid(table["theta"]))
    keep = pc.and_(keep, pc.fill_null(pc.greater_equal(table["near_iou"], minimum_near_iou), True))
    fitted = table.filter(keep)
    if not fitted.num_rows:
        raise UserError(
            f"{run.url} has no fitted shape in the split {' or '.join(splits)} with a near-surface IoU of at least "
            f"{minimum_near_iou}; see the column reason of its instances, or lower --fit.minimum-near-iou"
        )
    check_vectors(run, fitted["shared_hash"].to_pylist())
    keep = pc.invert(pc.is_in(fitted["id"], value_set=pa.array(list(excluded), pa.string())))
    if most_self_intersection < 1:
        keep = pc.and_(keep, pc.fill_null(pc.less_equal(fitted["self_intersection"], most_self_intersection), False))
    table = fitted.filter(keep)
    if not table.num_rows:
        raise UserError(
            f"{run.url} has {fitted.num_rows} fitted shapes in the split {' or '.join(splits)}, and all are left out: "
            f"they are on the list of --inputs.exclude-file, or more than {most_self_intersection} of their surface cuts "
            "through itself (column self_intersection of its instances); raise --inputs.max-self-intersection"
        )
    surface = matrix(table["surface"], np.uint16)
    return Fitted(
        ids=table["id"].to_pylist(),
        sources=table["source"].to_pylist(),
        theta=matrix(table["theta"], np.float32),
        surface=surface.reshape(len(surface), -1, 3),
    )
