"""Points of shapes that were fitted: read where they are kept, sampled where they are not, and once for several runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hdray.config.tree import Config
from hdray.pipeline.instances import POINT_COLUMNS, sampled_schema
from hdray.pipeline.point_store import point_files, points_directory, points_table
from hdray.pipeline.sampled_again import SampledAgain, as_fitted, sampled_again
from tests.pipeline.ellipsoids import config
from tests.pipeline.tables import write_rows

ROWS = [{"id": "a", "source": "box.obj", "content_hash": None}, {"id": "b", "source": "cone.ply", "content_hash": None}]
ASKED: list[dict[str, Any]] = [{name: row[name] for name in ("id", "source")} for row in ROWS]
TIMES = ("sampled_at", "sample_seconds")


@pytest.fixture
def data(mesh_folder: Path, tmp_path: Path) -> Config:
    """A run on files, with a store."""
    base = config(tmp_path / "run")
    signal = replace(base.signal, uniform_points=256, near_points=256, held_out_points=64)
    return replace(base, data=str(mesh_folder), store=str(tmp_path / "store"), signal=signal)


def keep(rows: list[dict[str, Any]], data: Config) -> dict[str, str]:
    """Put them into the store; its files."""
    columns = sampled_schema()
    write_rows(points_table(points_directory(data)), "new", pa.Table.from_pylist(rows, columns))
    return point_files(points_directory(data))


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of it, but when that was."""
    return {name: value for name, value in row.items() if value is not None and name not in TIMES}


def test_points_that_are_kept_are_not_sampled(data: Config, mesh_folder: Path) -> None:
    sampled = sampled_again(ASKED, data, {})
    assert as_fitted(ROWS, sampled, data) == sampled
    assert all(len(row[name]) for row in sampled for name in POINT_COLUMNS)
    files = keep(sampled[:1], data)
    (mesh_folder / "box.obj").unlink()  # not looked at again
    mixed = sampled_again(ASKED, data, files)
    for found, wanted in zip(mixed, sampled, strict=True):
        for name in ("id", "status", "content_hash", "surface", *POINT_COLUMNS):
            assert found[name] == wanted[name]
    as_fitted(ROWS, mixed, data)


@pytest.mark.ray
def test_several_runs_have_the_same_points_once(ray_cluster: None, data: Config, tmp_path: Path) -> None:
    import ray

    again = SampledAgain()
    first = again.rows(ROWS[:1], data)
    other = replace(data, run=str(tmp_path / "other"), field=replace(data.field, voxels=8))
    both = again.rows(ROWS, other)
    assert both[:1] == first and again.rows(ROWS[::-1], data) == both[::-1]
    found, wanted = ray.get(both), sampled_again(ASKED, data, {})
    assert [untimed(row) for row in found] == [untimed(row) for row in wanted]
    changed = again.rows(ROWS[:1], replace(data, seed=1))
    assert changed != first and ray.get(changed)[0]["points"] != found[0]["points"]
