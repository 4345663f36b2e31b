"""Fits taken over from another run: many generators, or folds, at the cost of fitting once."""

import io
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from hdray.errors import UserError
from hdray.fields.kinds import kind_of
from hdray.fields.settings import FieldSettings
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import instances_hash, instances_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import list_files, read_bytes, write_bytes

SPLIT_KEYS = frozenset(
    f"inputs.{name}"
    for name in (
        "validation_share",
        "test_share",
        "split_file",
        "family_file",
        "family_pattern",
        "test_families",
        "folds",
        "fold",
        "withhold",
    )
)
"""What decides splits and families alone."""
LABEL_KEYS = frozenset(("inputs.category_file", "inputs.category_pattern"))
"""What decides categories, which nothing is learned from."""
OF_INPUTS = ("split", "family", "category")
"""Columns of the instances table that SPLIT_KEYS and LABEL_KEYS decide."""


def keys_of_fits(keys: dict[str, Any]) -> dict[str, Any]:
    """Those of the fit stage's result keys that its vectors depend on: any splits do, unless training shapes go into them.

    A start that is fitted is one of theirs, one that is learned is learned from them, and so are networks that instances share.
    """
    free = _free(keys)
    return {key: value for key, value in keys.items() if key not in free}


def _free(keys: Mapping[str, Any]) -> frozenset[str]:
    """The result keys that vectors of fits with these do not depend on."""
    return LABEL_KEYS if keys["fit.initialisation"] == "fitted" or learned(keys) else LABEL_KEYS | SPLIT_KEYS


def learned(keys: Mapping[str, Any]) -> bool:
    """Whether something was learned from the training shapes that all vectors of fits with these result keys depend on."""
    kind = kind_of(keys.get("field.kind", FieldSettings.kind))  # records hold it where it is not the default
    return keys["fit.initialisation"] == "meta" or kind.network is not None


def check_other(run: RunDirectory, other: RunDirectory, stage: str, keys: dict[str, Any]) -> None:
    """Check that `other` holds all fits that a run with these result keys would make, unless `run` has its own already.

    Raises UserError naming what it lacks or each key that differs.
    """
    if run.record(stage) is not None:
        return
    record = other.record(stage)
    if record is None or not record["complete"]:
        raise UserError(
            f"--fits {other.url} holds no complete set of fits; run jobs/fit.py --run {other.url} first, or leave --fits out"
        )
    free = _free(keys)
    hint = "" if free & SPLIT_KEYS else " (training shapes went into these fits, so they serve no other splits)"
    other.check(stage, keys, {}, apart_from=free, instead=f"leave --fits out{hint}")


def copy_comparisons(run: RunDirectory, other: RunDirectory) -> None:
    """Copy how alike the files are: what duplicates are found by."""
    _copy(run, other, "duplicates")


def clear_fits(run: RunDirectory) -> None:
    """Remove what a first attempt left that has no record: a start made with other values, a copy of other fits cut off."""
    for folder in ("commits", "instances", "shared"):
        run.remove(folder)


def copy_fits(
    run: RunDirectory, other: RunDirectory, inputs: Sequence[Input], stage: str, keys: dict[str, Any]
) -> None:
    """Copy the fits of `other` into `run`, each with the split, family and category it has here.

    The stage's record goes last: without it a copy that was cut off is made again.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    clear_fits(run)
    now = {item.id: item for item in inputs}
    for name in map(posixpath.basename, instances_table(other).row_files()):
        table = parquet.read_table(io.BytesIO(read_bytes(other.path("instances", name))))
        for column in OF_INPUTS:
            # What is no input of this run stays as it is there.
            held = table.select(["id", column]).to_pylist()
            values = [getattr(now[row["id"]], column) if row["id"] in now else row[column] for row in held]
            place = table.column_names.index(column)
            table = table.set_column(place, table.field(column), pa.array(values, table.field(column).type))
        sink = io.BytesIO()
        parquet.write_table(table, sink)
        write_bytes(run.path("instances", name), sink.getvalue())
    for folder in ("shared", "commits"):
        _copy(run, other, folder)
    record = other.record(stage)
    assert record is not None, "check_other saw to it"
    made = {"copied_from": other.url, **record}  # or from where the other run has them itself
    run.write_json({**made, "keys": keys, "output": instances_hash(run)}, "stages", f"{stage}.json")
    print(f"the fits are those of {other.url}", flush=True)


def _copy(run: RunDirectory, other: RunDirectory, folder: str) -> None:
    for path in list_files(other.path(folder)):
        write_bytes(run.path(folder, path), read_bytes(other.path(folder, path)))
