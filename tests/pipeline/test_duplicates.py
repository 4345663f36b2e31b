import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hdray.config.tree import Config, ExecutionSettings, InputSettings
from hdray.pipeline.cluster import connect
from hdray.pipeline.duplicates import same_geometry, with_duplicates
from hdray.pipeline.inputs import Input, list_inputs
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.sampling import SamplingActor

SHAPES = [Input(f"{number:02d}", f"{number}.obj", "", "", "", 0.0) for number in range(12)]


def compared(places: list[float], hashes: list[str]) -> tuple[list[str], list[int]]:
    """Groups of points on a line that count as alike within 5e-3 and as the same within 1e-3; how many pairs each round asks."""
    rounds = []

    def distances(pairs: list[tuple[Input, Input]]) -> list[float]:
        rounds.append(len(pairs))
        return [abs(places[int(one.id)] - places[int(other.id)]) for one, other in pairs]

    rows = [{"content_hash": name, "numbers": [place]} for name, place in zip(hashes, places, strict=True)]
    groups = same_geometry(SHAPES[: len(places)], rows, distances)
    return [groups.of(item.id) for item in SHAPES[: len(places)]], rounds


def test_alike_is_not_yet_the_same() -> None:
    #               a    its copy  alike  far   of c   alike to no other
    places = [0.0, 1e-5, 3e-3, 1.0, 3.0001e-3, 2.0]
    found, rounds = compared(places, list("abcdef"))
    assert found == ["00", "00", "02", "03", "02", "05"]
    # First one tree over the four that are alike; its long edge fails, and so do the others between the two groups.
    assert rounds[0] == 3
    assert sum(rounds) <= 6


def test_copies_of_one_shape_are_asked_for_once_each() -> None:
    _, rounds = compared([1e-6 * number for number in range(12)], [str(number) for number in range(12)])
    assert rounds == [11]


def test_equal_bytes_are_not_compared() -> None:
    found, rounds = compared([0.5, 0.5, 0.5], ["same", "same", "same"])
    assert (found, rounds) == (["00", "00", "00"], [])


def test_what_cannot_be_read_is_like_nothing() -> None:
    rows = [{"content_hash": "same", "numbers": None}] * 2
    groups = same_geometry(SHAPES[:2], rows, lambda pairs: [0.0] * len(pairs))
    assert groups.of("00") != groups.of("01")


@pytest.mark.ray
@pytest.mark.slow
def test_copies_in_a_folder_are_found_once(
    ray_cluster: None, mesh_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = np.random.default_rng(0)
    (mesh_folder / "again.obj").write_bytes((mesh_folder / "box.obj").read_bytes())
    mesh = trimesh.load_mesh(mesh_folder / "round" / "ball.glb", process=False)
    order = stream.permutation(len(mesh.vertices))
    moved = trimesh.Trimesh(7 * mesh.vertices[order] + 3, np.argsort(order)[mesh.faces], process=False)
    moved.export(mesh_folder / "moved.ply")
    (mesh_folder / "broken.ply").write_bytes(struct.pack("<4i", 1, 2, 3, 4))
    config = Config(
        data=str(mesh_folder),
        inputs=InputSettings(validation_share=0.3, test_share=0.3),
        execution=ExecutionSettings(progress_s=0.0, sampling_actors=1),
    )
    run, resources = RunDirectory(str(tmp_path / "run")), connect(config.execution)
    inputs, _ = list_inputs(config)
    marked = with_duplicates(run, config, inputs, resources)
    source_of = {item.id: item.source for item in inputs}
    pairs = {frozenset((item.source, source_of[item.duplicate_of])) for item in marked if item.duplicate_of}
    assert pairs == {frozenset(("box.obj", "again.obj")), frozenset(("round/ball.glb", "moved.ply"))}
    split_of = {item.source: item.split for item in marked}
    assert all(len({split_of[name] for name in pair}) == 1 for pair in pairs)
    assert "2 of 9 shapes are duplicates of others, together in one split" in capsys.readouterr().out

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert with_duplicates(run, config, inputs, resources) == marked
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before

    drop = replace(config, inputs=replace(config.inputs, duplicates="drop"))
    dropped = [item for item in with_duplicates(run, drop, inputs, resources) if item.reason]
    assert {item.id for item in dropped} == {item.id for item in marked if item.duplicate_of}
    row = SamplingActor(drop).row({"id": dropped[0].id, "source": dropped[0].source, "reason": dropped[0].reason})
    assert row["status"] == "rejected"
    assert row["reason"] == f"a duplicate of {source_of[dropped[0].duplicate_of]}"
    ignore = replace(config, inputs=replace(config.inputs, duplicates="ignore"))
    assert with_duplicates(run, ignore, inputs, resources) == inputs
