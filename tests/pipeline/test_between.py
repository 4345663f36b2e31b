"""The line between two held-out shapes, the same in every run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hdray.config.tree import Config
from hdray.pipeline.between import FRAMES, between, common_ends
from hdray.pipeline.instances import instances_schema, instances_table, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from tests.pipeline.ellipsoids import config, radii, write_run
from tests.pipeline.tables import write_rows


def run_of(folder: Path, rows: dict[str, tuple[str, str | None]]) -> Config:
    """A run with shapes of these ids, splits and reasons against them."""
    table = [
        {"id": name, "split": split, "status": "rejected" if reason == "soup" else "accepted", "reason": reason}
        for name, (split, reason) in rows.items()
    ]
    run = RunDirectory(str(folder))
    write_rows(instances_table(run), "new", pa.Table.from_pylist(table, schema=instances_schema()))
    return config(folder)


def test_the_first_two_that_all_runs_hold_out_and_fit(tmp_path: Path) -> None:
    one = run_of(
        tmp_path / "one",
        {"a": ("train", None), "b": ("test", "it diverged"), "c": ("test", None), "d": ("test", "soup"),
         "e": ("validation", None), "f": ("test", None)},
    )  # fmt: skip
    other = run_of(tmp_path / "other", dict.fromkeys("abdef", ("test", None)))
    assert common_ends([one]) == ("c", "e")
    assert common_ends([one, other]) == common_ends([other, one]) == ("e", "f")
    assert common_ends([one, run_of(tmp_path / "last", dict.fromkeys("af", ("test", None)))]) is None


def test_surfaces_from_one_end_to_the_other(tmp_path: Path) -> None:
    run = write_run(tmp_path, radii(1, 5))
    fitted = read_fitted(run, ["test"])
    chosen = replace(config(tmp_path), inputs=replace(config().inputs, up="z"))
    found = between(fitted, ("i20", "i22"), chosen)
    assert found.ends == ("79.obj", "77.obj") and found.up == "z" and len(found.meshes) == FRAMES
    # Logits of ellipsoids are not linear in their sizes, but a half-way surface lies between its ends.
    extents = np.array([np.ptp(mesh.vertices, axis=0) for mesh in found.meshes if mesh is not None])
    assert len(extents) == FRAMES
    (first, last), steps = extents[[0, -1]], np.diff(extents, axis=0)
    assert (np.sign(steps) == np.sign(last - first)).mean() > 0.9
    assert np.abs(first - last).max() > 0.05
    backwards = between(fitted, ("i22", "i20"), chosen).meshes
    for mesh, other in zip(found.meshes, backwards[::-1], strict=True):
        assert mesh is not None and other is not None
        np.testing.assert_allclose(mesh.vertices, other.vertices, atol=1e-5)


def test_a_field_without_a_surface_is_none(tmp_path: Path) -> None:
    fitted = read_fitted(write_run(tmp_path, radii(1, 5)), ["test"])
    fitted.theta[fitted.ids.index("i21")] = -4.0
    found = between(fitted, ("i20", "i21"), config(tmp_path)).meshes
    assert found[0] is not None and found[-1] is None


@pytest.mark.parametrize("frames", [3])
def test_animations_show_their_first_frames(tmp_path: Path, frames: int) -> None:
    run = write_run(tmp_path, radii(1, 5), frames=frames)
    found = between(read_fitted(run, ["test"]), ("i20", "i21"), config(tmp_path, frames=frames))
    assert len(found.meshes) == FRAMES and all(mesh is not None for mesh in found.meshes)
