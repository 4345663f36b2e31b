from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol, protocol_named
from hdray.pipeline.instances import instances_schema
from hdray.pipeline.shape_folders import read_shapes
from hdray.signals.points import encode

NONE = protocol_named("none")
STREAM = np.random.default_rng(0)
CLOUDS = STREAM.random((4, 20, 3)).astype(np.float32) - 0.5


def write_table(rows: list[dict[str, Any]], schema: pa.Schema, data: Path, commits: Path) -> None:
    """A table as committed by one write."""
    for folder in (data, commits):
        folder.mkdir(parents=True)
    table = pa.Table.from_pylist(rows, schema=schema)
    parquet.write_table(table, data / "write-000000.parquet")
    parquet.write_table(table.select(["id"]), commits / "write.parquet")


@pytest.fixture
def run(tmp_path: Path) -> str:
    """The parts of a run directory that are read: three samples, one of them empty, and four instances."""
    folder = tmp_path / "run"
    samples = [{"id": f"s{n}", "surface": None if n == 1 else CLOUDS[n].reshape(-1)} for n in (2, 1, 0)]
    for row in samples:
        row["reason"] = "the field is empty" if row["surface"] is None else None
    schema = pa.schema([("id", pa.string()), ("surface", pa.list_(pa.float32())), ("reason", pa.string())])
    write_table(samples, schema, folder / "samples" / "vectors", folder / "samples" / "commits")
    splits = ("train", "validation", "test", "test")
    instances: list[dict[str, Any]] = [
        {"id": f"i{n}", "source": f"{n}.obj", "split": split, "surface": encode(CLOUDS[n]).reshape(-1), "family": ""}
        for n, split in enumerate(splits)
    ]
    instances[2]["family"] = "twins"
    instances[3].update(surface=None, reason="no faces")
    write_table(instances, instances_schema(), folder / "instances", folder / "commits")
    return str(folder)


def test_a_run_gives_its_samples(run: str) -> None:
    found = read_shapes("--samples", run, NONE, 0)
    assert found.names == ["s0", "s2"]
    np.testing.assert_array_equal(found.clouds[1], CLOUDS[2])
    assert found.excluded == {"s1": "the field is empty"}


def test_a_run_gives_its_held_out_shapes_as_reference_and_others_as_training(run: str) -> None:
    held_out = read_shapes("--reference", run, NONE, 0)
    assert (held_out.names, held_out.families) == (["1.obj", "2.obj"], ["1.obj", "twins"])
    assert held_out.excluded == {"3.obj": "no faces"}
    np.testing.assert_allclose(held_out.clouds[0], CLOUDS[1], atol=1e-5)
    assert read_shapes("--training", run, NONE, 0).names == ["0.obj"]


def test_fewer_points_than_the_protocol_takes_are_an_exclusion(run: str) -> None:
    found = read_shapes("--reference", run, Protocol(name="many", source="", points=21), 0)
    assert len(found) == 0
    assert found.excluded["1.obj"] == "it holds 20 points, fewer than the protocol's 21"
    thinned = read_shapes("--samples", run, Protocol(name="few", source="", points=8), 0)
    assert thinned.thinned == 2
    assert [len(cloud) for cloud in thinned.clouds] == [8, 8]


def test_a_family_file_that_is_none(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CLOUDS[0])
    (tmp_path / "families.csv").write_text("name,kind\na.npy,x\n")
    with pytest.raises(UserError, match=r"families.csv must be a CSV file with the columns file,family"):
        read_shapes("--reference", str(tmp_path), NONE, 0)
