import io
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from hdray.metrics.protocols import Protocol, protocol_named
from hdray.metrics.shape_sets import Collector, ShapeSet, cloud_of, merged, stacked
from hdray.signals.rejection import Rejected

NONE = protocol_named("none")
SIXTEEN = Protocol(name="sixteen", source="", points=16)


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def mesh(file_type: str = "obj") -> bytes:
    content = trimesh.creation.box((1.0, 0.6, 0.4)).export(file_type=file_type)
    return content.encode() if isinstance(content, str) else content


def points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 3))


def collected(protocol: Protocol, files: dict[str, bytes], seed: int = 0) -> ShapeSet:
    collector = Collector(protocol, seed)
    for name, content in files.items():
        collector.add_file(name, content)
    return collector.done()


def test_files_of_points_are_taken_as_they_are():
    cloud = points(20).astype(np.float32)
    np.testing.assert_array_equal(cloud_of("a.npy", npy(cloud), 0, 0), cloud)
    for encoding in ("ascii", "binary"):
        content = trimesh.PointCloud(cloud).export(file_type="ply", encoding=encoding)
        np.testing.assert_allclose(cloud_of("a.ply", content, 0, 0), cloud, atol=1e-6)


@pytest.mark.parametrize("file_type", ["obj", "off", "ply", "stl", "glb"])
def test_meshes_are_sampled_on_their_surface(file_type: str):
    found = cloud_of(f"box.{file_type}", mesh(file_type), 500, 0)
    assert found.shape == (500, 3)
    gap = np.abs(np.abs(found) - [0.5, 0.3, 0.2])
    assert gap.min(axis=1).max() < 1e-6, "every point is on a face"
    assert np.abs(found).max(axis=0) == pytest.approx([0.5, 0.3, 0.2], abs=0.02)


def test_points_of_a_mesh_depend_on_its_name_and_the_seed_and_not_on_the_order():
    files = {name: mesh() for name in ("a.obj", "b.obj", "c/a.obj")}
    found, backwards = collected(SIXTEEN, files), collected(SIXTEEN, dict(reversed(files.items())))
    assert found.names == backwards.names == sorted(files)
    assert all(torch.equal(x, y) for x, y in zip(found.clouds, backwards.clouds, strict=True))
    assert len({cloud.numpy().tobytes() for cloud in found.clouds}) == 3
    assert not torch.equal(collected(SIXTEEN, files, seed=1).clouds[0], found.clouds[0])


def test_a_cloud_of_more_points_is_thinned_and_counted():
    cloud = points(40)
    found = collected(SIXTEEN, {"a.npy": npy(cloud), "b.npy": npy(points(16))})
    assert found.thinned == 1
    assert [len(kept) for kept in found.clouds] == [16, 16]
    rows = {tuple(row) for row in cloud.astype(np.float32).tolist()}
    kept = [tuple(row) for row in found.clouds[0].tolist()]
    assert set(kept) <= rows and len(set(kept)) == 16
    assert collected(NONE, {"a.npy": npy(cloud)}).thinned == 0


BAD = {
    "empty.npy": (npy(np.zeros((0, 3))), "holds no points"),
    "nan.npy": (npy(np.full((20, 3), np.nan)), "not finite"),
    "huge.npy": (npy(np.full((20, 3), 1e300)), "not finite"),
    "one.npy": (npy(points(1)), "a single point"),
    "same.npy": (npy(np.ones((20, 3))), "all its points coincide"),
    "flat.npy": (npy(points(20)[:, :2]), r"an array \(20, 2\) of float64"),
    "words.npy": (npy(np.array([["a", "b", "c"]])), "an array"),
    "few.npy": (npy(points(15)), "15 points, fewer than the protocol's 16"),
    "broken.npy": (b"not numpy", "could not be read as .npy"),
    "nothing.npy": (b"", "could not be read as .npy"),
    "nothing.obj": (b"", "the file is empty"),
    "lines.obj": (b"v 0 0 0\nv 1 1 1\nl 1 2\n", "no faces"),
    "flat.obj": (b"v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", "no area"),
    "broken.ply": (b"ply\nformat ascii 1.0\nelement vertex 2\nend_header\n", "could not be read as .ply"),
    "pickle.npy": (b"", "could not be read as .npy"),
}


def test_what_gives_no_cloud_is_an_exclusion_with_a_reason():
    sink = io.BytesIO()
    np.save(sink, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    bad = {**BAD, "pickle.npy": (sink.getvalue(), "could not be read as .npy")}
    found = collected(SIXTEEN, {"good.npy": npy(points(16)), **{name: content for name, (content, _) in bad.items()}})
    assert found.names == ["good.npy"]
    assert list(found.excluded) == sorted(bad)
    for name, (_, reason) in bad.items():
        with pytest.raises(Rejected, match=reason):
            raise Rejected(found.excluded[name])


def test_meshes_under_a_protocol_that_takes_points_as_they_are():
    assert "give --points" in collected(NONE, {"a.obj": mesh()}).excluded["a.obj"]
    assert len(collected(replace(NONE, points=2048), {"a.obj": mesh()})) == 1


def test_families_and_merging():
    collector = Collector(NONE, 0, {"b.npy": "twins", "a.npy": "twins"})
    for name in ("b.npy", "c.npy"):
        collector.add_file(name, npy(points(5)))
    other = Collector(NONE, 0, {"a.npy": "twins"})
    other.add_file("a.npy", npy(points(6)))
    other.exclude("d.npy", "gone")
    both = merged([collector.done(), other.done()])
    assert (both.names, both.families) == (["a.npy", "b.npy", "c.npy"], ["twins", "twins", "c.npy"])
    assert [len(cloud) for cloud in both.clouds] == [6, 5, 5]
    assert both.excluded == {"d.npy": "gone"}
    part = both.take([2, 0])
    assert (part.names, part.families, [len(cloud) for cloud in part.clouds]) == (
        ["c.npy", "a.npy"], ["c.npy", "twins"], [5, 6],
    )  # fmt: skip


def test_stacked():
    some = [torch.from_numpy(points(count)).float() for count in (8, 5, 8)]
    found = stacked(some, 5, 0, ["x", "y", "z"])
    assert found.shape == (3, 5, 3)
    assert torch.equal(found[1], some[1])
    assert torch.equal(stacked(some[2:], 5, 0, ["z"])[0], found[2])
    with pytest.raises(ValueError, match="y has 5 points, fewer than 6"):
        stacked(some, 6, 0, ["x", "y", "z"])
