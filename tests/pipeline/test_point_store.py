from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from hdray.errors import UserError
from hdray.fields.mlp import MLPField
from hdray.fitting.meta_start import meta_start
from hdray.pipeline.cluster import connect
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.inputs import list_inputs
from hdray.pipeline.instances import manifest_schema
from hdray.pipeline.point_store import (
    StoredPoints,
    ensure_points,
    point_files,
    points_directory,
    points_table,
    read_points,
)
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.sampling import SamplingActor
from hdray.pipeline.shared import ensure_initialisation, read_initialisation
from tests.pipeline.test_fit_stage import TINY

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_points_are_sampled_once_for_all_runs_of_a_store(ray_cluster: None, mesh_folder: Path, tmp_path: Path) -> None:
    (mesh_folder / "empty.obj").write_text("")
    config = replace(TINY, data=str(mesh_folder), store=str(tmp_path / "store"), run=str(tmp_path / "one"))
    inputs, _ = list_inputs(config)
    resources = connect(config.execution)
    first = ensure_points(config, inputs[:4], resources)
    files = set(points_table(first).row_files())
    other = replace(config, run=str(tmp_path / "two"), inputs=replace(config.inputs, test_share=0.5))
    assert ensure_points(other, inputs, resources) == first
    assert files < set(points_table(first).row_files())  # what was there stays
    found = point_files(first)
    assert found.keys() == {item.id for item in inputs}

    # Read back as sampling gave them, with what is the run's own.
    stored = StoredPoints(points_table(first).rows_url, found)
    sampling = SamplingActor(config)
    rows = [{"id": item.id, "source": item.source, "split": "elsewhere", "family": "f"} for item in inputs[-2:]]
    manifest = pa.Table.from_pylist(rows, manifest_schema())
    timed = ["sampled_at", "sample_seconds"]
    assert stored(manifest).drop_columns(timed).equals(sampling(manifest).drop_columns(timed))
    assert stored.row({**rows[0], "reason": "a copy"})["reason"] == "a copy"

    points = read_points(first, [item.id for item in inputs])
    assert len(points.ids) == len(inputs) - 1, "the empty file has none"
    assert points.points.shape[1:] == (4096, 3) and points.points.dtype == np.uint16
    assert points.labels.shape[1:] == (512,)
    (empty,) = (item.id for item in inputs if item.id not in points.ids)
    with pytest.raises(UserError, match="none of the 1 training shapes can be read"):
        read_points(first, [empty])

    # What a start is learned from are the training shapes' points, and nobody else's.
    learning = replace(config, fit=replace(config.fit, initialisation="meta", meta_rounds=2, meta_steps=3))
    run = RunDirectory(config.run)
    ensure_initialisation(run, learning, inputs, first, {}, resources)
    start, _ = read_initialisation(initialisation_url(run))
    seen = read_points(first, [item.id for item in inputs if item.split == "train"])
    field = MLPField(config.field)
    assert torch.equal(start, meta_start(field, seen, learning.fit, config.seed))

    assert points_directory(replace(config, seed=1)) != first
    (mesh_folder / "box.obj").write_bytes((mesh_folder / "box.obj").read_bytes() + b"\n# touched\n")
    with pytest.raises(UserError, match=r"box\.obj has changed"):
        ensure_points(other, list_inputs(other)[0], resources)
