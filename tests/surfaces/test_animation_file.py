"""Animated .glb files: valid glTF that another reader understands, frames in order."""

import io
import json
import struct

import numpy as np
import pytest
import trimesh

from hdray.surfaces.animation_file import read_frames, write_animation
from tests.signals.solids import box, sphere

FRAMES = [box((-0.1, -0.2, -0.3), (0.1, 0.2, 0.3)), sphere(0.3, subdivisions=1), sphere(0.4, subdivisions=2)]


def test_frames_come_back_in_order() -> None:
    read = read_frames(write_animation(FRAMES))
    for mesh, written in zip(read, FRAMES, strict=True):
        assert mesh.vertices == pytest.approx(written.vertices, abs=1e-6)
        assert np.array_equal(mesh.faces, written.faces)


def test_a_viewer_that_plays_nothing_shows_the_first_frame() -> None:
    scene = trimesh.load_scene(io.BytesIO(write_animation(FRAMES)), file_type="glb", process=False)
    assert scene.to_mesh().area == pytest.approx(trimesh.Trimesh(FRAMES[0].vertices, FRAMES[0].faces).area, rel=1e-5)


def test_exactly_one_frame_is_seen_at_each_key() -> None:
    content = write_animation(FRAMES, seconds_per_frame=0.5)
    length = struct.unpack_from("<I", content, 12)[0]
    document, binary = json.loads(content[20 : 20 + length]), content[28 + length :]

    def numbers(accessor: int) -> np.ndarray:
        described = document["accessors"][accessor]
        start = document["bufferViews"][described["bufferView"]]["byteOffset"]
        width = {"SCALAR": 1, "VEC3": 3}[described["type"]]
        return np.frombuffer(binary, "<f4", described["count"] * width, start).reshape(-1, width)

    samplers = document["animations"][0]["samplers"]
    assert numbers(samplers[0]["input"]).ravel().tolist() == [0, 0.5, 1, 1.5]
    scales = np.stack([numbers(sampler["output"])[:, 0] for sampler in samplers])  # (frames, keys)
    assert scales.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]
    assert len(content) == struct.unpack_from("<I", content, 8)[0]
