import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from hdray.config.load import to_yaml
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.metrics.protocols import Protocol, protocol_named
from hdray.pipeline.instances import instances_schema
from hdray.pipeline.shape_folders import Limits, _read, read_shapes
from hdray.signals.points import encode
from hdray.surfaces.files import write_mesh
from tests.signals.animations import anime, growing_ball
from tests.signals.solids import sphere

NONE = protocol_named("none")
STREAM = np.random.default_rng(0)
LIMITS = Limits()
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
    (folder / "config.yaml").write_bytes(to_yaml(Config()))
    return str(folder)


def test_a_run_gives_its_samples(run: str) -> None:
    found = read_shapes("--samples", run, NONE, 0, LIMITS)
    assert found.names == ["s0", "s2"]
    np.testing.assert_array_equal(found.clouds[1], CLOUDS[2])
    assert found.excluded == {"s1": "the field is empty"}


def test_a_run_gives_its_held_out_shapes_as_reference_and_others_as_training(run: str) -> None:
    held_out = read_shapes("--reference", run, NONE, 0, LIMITS)
    assert (held_out.names, held_out.families) == (["1.obj", "2.obj"], ["1.obj", "twins"])
    assert held_out.excluded == {"3.obj": "no faces"}
    np.testing.assert_allclose(held_out.clouds[0], CLOUDS[1], atol=1e-5)
    assert read_shapes("--training", run, NONE, 0, LIMITS).names == ["0.obj"]


def test_fewer_points_than_the_protocol_takes_are_an_exclusion(run: str) -> None:
    found = read_shapes("--reference", run, Protocol(name="many", source="", points=21), 0, LIMITS)
    assert len(found) == 0
    assert found.excluded["1.obj"] == "it holds 20 points, fewer than the protocol's 21"
    thinned = read_shapes("--samples", run, Protocol(name="few", source="", points=8), 0, LIMITS)
    assert thinned.thinned == 2
    assert [len(cloud) for cloud in thinned.clouds] == [8, 8]


def test_a_family_file_that_is_none(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CLOUDS[0])
    (tmp_path / "families.csv").write_text("name,kind\na.npy,x\n")
    with pytest.raises(UserError, match=r"families.csv must be a CSV file with the columns file,family"):
        read_shapes("--reference", str(tmp_path), NONE, 0, LIMITS)


def test_a_run_of_animations_gives_them_frame_by_frame(run: str) -> None:
    config = Config()
    moving = replace(
        config,
        signal=replace(config.signal, frames=4),
        generate=replace(config.generate, mesh_format="glb"),
    )
    Path(run, "config.yaml").write_bytes(to_yaml(moving))
    found = read_shapes("--samples", run, NONE, 0, LIMITS)
    np.testing.assert_array_equal(found.clouds[1], CLOUDS[2].reshape(4, 5, 3))
    held_out = read_shapes("--reference", run, NONE, 0, LIMITS)
    np.testing.assert_allclose(held_out.clouds[0], CLOUDS[1].reshape(4, 5, 3), atol=1e-5)
    Path(run, "config.yaml").unlink()
    with pytest.raises(UserError, match=r"no config.yaml"):
        read_shapes("--samples", run, NONE, 0, LIMITS)


def test_animations_under_a_protocol_of_still_shapes(tmp_path: Path) -> None:
    (tmp_path / "walk.anime").write_bytes(anime(growing_ball()))
    with pytest.raises(UserError, match=r"walk.anime of --samples .* is an animation, and the protocol mlora compares"):
        read_shapes("--samples", str(tmp_path), protocol_named("mlora"), 0, LIMITS)


def bomb() -> bytes:
    """A .glb of a few hundred bytes whose vertices would take 240 GB."""
    document = {
        "animations": [{"channels": [{"sampler": 0, "target": {"node": 0, "path": "scale"}}], "samplers": [{"input": 0, "output": 1}]}],
        "accessors": [
            {"componentType": 5126, "type": "SCALAR", "count": 2},
            {"componentType": 5126, "type": "VEC3", "count": 2},
            {"componentType": 5126, "type": "VEC3", "count": 10**10},
        ],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 2}}]}],
    }  # fmt: skip
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sII", b"glTF", 2, 20 + len(text)) + struct.pack("<I4s", len(text), b"JSON") + text


def test_files_that_take_too_much_are_exclusions_and_the_others_are_read(tmp_path: Path) -> None:
    files = {
        "a.obj": write_mesh(sphere(0.5, 1), "obj"),
        "bomb.glb": bomb(),
        "large.obj": b"#" * (40 * 2**20),
        "slow.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" + b"f 1 2 3\n" * 400_000,
        "z.anime": anime(growing_ball(frames=3)),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    protocol = Protocol(name="moving", source="", points=16, frames=2)
    limits = Limits(time_s=0.2, memory_gb=0.25)
    found = _read(str(tmp_path), [*files, "gone.obj"], {}, protocol, 0, limits)
    assert {name: cloud.shape for name, cloud in zip(found.names, found.clouds, strict=True)} == {
        "a.obj": (16, 3),
        "z.anime": (2, 16, 3),
    }
    assert found.excluded["bomb.glb"] == "it needs more memory than the limit of 0.25 GiB"
    assert found.excluded["large.obj"] == "the file has 40 MiB, more than an eighth of --memory-limit-gb"
    assert found.excluded["slow.obj"] == "it takes longer than the limit of 0.2 s of processor time"
    assert "the file cannot be read" in found.excluded["gone.obj"]
