"""Fits taken over from another run, so that many generators are trained on the same ones at the cost of one."""

from typing import Any

from hdray.errors import UserError
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import list_files, read_bytes, write_bytes

FOLDERS = ("duplicates", "shared", "instances", "commits")


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
    other.check(stage, keys, {}, instead="leave --fits out")


def copy_fits(run: RunDirectory, other: RunDirectory, stage: str) -> None:
    """Copy the fits of `other` into `run`. The stage's record goes last: without it a copy that was cut off is made again."""
    for folder in FOLDERS:
        for path in list_files(other.path(folder)):
            write_bytes(run.path(folder, path), read_bytes(other.path(folder, path)))
    write_bytes(run.path("stages", f"{stage}.json"), read_bytes(other.path("stages", f"{stage}.json")))
    print(f"the fits are those of {other.url}", flush=True)
