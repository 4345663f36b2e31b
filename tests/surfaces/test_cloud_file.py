"""Files as point clouds: still and moving ones, and what is none."""

import io

import numpy as np
import pytest
import trimesh

from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected
from hdray.surfaces.animation_file import write_animation
from hdray.surfaces.cloud_file import CloudReading, array_of
from tests.signals.animations import anime, growing_ball


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def mesh(file_type: str = "obj") -> bytes:
    content = trimesh.creation.box((1.0, 0.6, 0.4)).export(file_type=file_type)
    return content.encode() if isinstance(content, str) else content


def cloud_of(content: bytes, name: str, points: int = 0, frames: int | None = 0, seed: int = 0) -> np.ndarray:
    return CloudReading(points, frames, seed)(name, (content, "." + name.rpartition(".")[2]))


def test_files_of_points_are_taken_as_they_are() -> None:
    for shape in ((20, 3), (4, 20, 3)):
        cloud = np.random.default_rng(0).random(shape).astype(np.float32)
        np.testing.assert_array_equal(cloud_of(npy(cloud), "a.npy"), cloud)
    for encoding in ("ascii", "binary"):
        content = trimesh.PointCloud(cloud[0]).export(file_type="ply", encoding=encoding)
        np.testing.assert_allclose(cloud_of(content, "a.ply"), cloud[0], atol=1e-6)


@pytest.mark.parametrize("file_type", ["obj", "off", "ply", "stl", "glb"])
@pytest.mark.parametrize("frames", [0, None, 16])
def test_meshes_are_sampled_on_their_surface(file_type: str, frames: int | None) -> None:
    found = cloud_of(mesh(file_type), f"box.{file_type}", 500, frames)
    assert found.shape == (500, 3)
    gap = np.abs(np.abs(found) - [0.5, 0.3, 0.2])
    assert gap.min(axis=1).max() < 1e-6, "every point is on a face"
    assert np.abs(found).max(axis=0) == pytest.approx([0.5, 0.3, 0.2], abs=0.02)


def test_points_of_a_mesh_depend_on_its_name_and_the_seed() -> None:
    first, *others = (
        cloud_of(mesh(), name, 9, seed=seed) for name, seed in (("a.obj", 0), ("c/a.obj", 0), ("a.obj", 1))
    )
    assert np.array_equal(first, cloud_of(mesh(), "a.obj", 9))
    assert not any(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize(("frames", "chosen"), [(3, [0, 2, 4]), (None, range(6))])
def test_animations_are_sampled_frame_by_frame(frames: int | None, chosen: list[int]) -> None:
    """A ball whose radius is 0.5 + 0.1 a frame, its centre 0.1 a frame: known in every frame."""
    found = cloud_of(anime(growing_ball(frames=6, step=0.1, subdivisions=3)), "ball.anime", 400, frames)
    assert found.shape == (len(chosen), 400, 3)
    for cloud, frame in zip(found, chosen, strict=True):
        radii = np.linalg.norm(cloud - [0.1 * frame, 0, 0], axis=1)
        np.testing.assert_allclose(radii, 0.5 + 0.1 * frame, rtol=0.02)
    assert not np.array_equal(found[0] / 0.5, (found[1] - [0.1 * chosen[1], 0, 0]) / (0.5 + 0.1 * chosen[1]))


def test_an_animated_glb_moves_where_frames_are_asked_for() -> None:
    boxes = [trimesh.creation.box((size, size, size)) for size in (0.2, 0.4, 0.6, 0.8)]
    content = write_animation([Mesh(np.asarray(box.vertices), np.asarray(box.faces)) for box in boxes])
    found = cloud_of(content, "boxes.glb", 300, 4)
    assert found.shape == (4, 300, 3)
    assert np.abs(found).max(axis=(1, 2)) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    for still in (0, None):
        pose = cloud_of(content, "boxes.glb", 300, still)
        assert pose.shape == (300, 3)
        assert np.abs(pose).max() == pytest.approx(0.1)


def test_what_holds_no_shape_says_why() -> None:
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    still = growing_ball(frames=2)
    still.vertices[1] = 0
    for name, content, reason in (
        ("broken.npy", b"not numpy", "could not be read as .npy"),
        ("nothing.npy", b"", "could not be read as .npy"),
        ("pickle.npy", objects.getvalue(), "could not be read as .npy"),
        ("nothing.obj", b"", "the file is empty"),
        ("lines.obj", b"v 0 0 0\nv 1 1 1\nl 1 2\n", "no faces"),
        ("flat.obj", b"v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", "no area"),
        ("broken.ply", b"ply\nformat ascii 1.0\nelement vertex 2\nend_header\n", "could not be read as .ply"),
        ("broken.glb", b"glTF but not for long", "could not be read as .glb"),
        ("broken.anime", b"nothing of the kind", "could not be read as .anime"),
        ("stops.anime", anime(still), "in frame 2 of 2, its faces have no area"),
    ):
        with pytest.raises(Rejected, match=reason):
            cloud_of(content, name, 16, 2)
    for name, content in (("a.obj", mesh()), ("a.anime", anime(growing_ball()))):
        with pytest.raises(Rejected, match="give --points"):
            cloud_of(content, name)


def test_an_array_that_claims_to_be_larger_than_its_file_takes_no_memory() -> None:
    honest = npy(np.zeros((10, 3)))
    claim = honest.replace(b"(10, 3), }" + b" " * 12, b"(10000000000000, 3), }", 1)
    assert claim != honest and len(claim) == len(honest)
    with pytest.raises(Rejected, match=r"could not be read as \.npy"):
        array_of(claim)
