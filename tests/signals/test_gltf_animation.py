"""Animated .glb: nodes, morph targets and skins move as glTF says, computed here another way."""

import json
import struct
from typing import Any

import numpy as np
import pytest

from hdray.signals.gltf_animation import read_animated_glb
from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected
from hdray.surfaces.animation_file import write_animation
from hdray.surfaces.files import write_mesh
from tests.signals.solids import box, sphere

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "<f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "<u2")
KINDS = {"f": 5126, "u": 5123}
SHAPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def glb(document: dict[str, Any], *arrays: np.ndarray) -> bytes:
    """A file whose accessors are these arrays in order; each but indices and times has a row an element."""
    binary, views, accessors = b"", [], []
    for array in arrays:
        rows = array.reshape(len(array), -1)
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes})
        kind = KINDS[array.dtype.kind]
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": kind, "count": len(rows), "type": SHAPES[rows.shape[1]]}
        )
        binary += array.tobytes() + bytes(-array.nbytes % 4)
    text = json.dumps(
        {**document, "bufferViews": views, "accessors": accessors, "buffers": [{"byteLength": len(binary)}]}
    ).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def moving(path: str, output: np.ndarray, kind: str = "LINEAR", **mesh: Any) -> bytes:
    """One node with a tetrahedron; `path` moves through `output` at times 0, 1, 2."""
    document = {
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": [5, 0, 0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, **mesh}]}],
        "animations": [
            {
                "samplers": [{"input": 2, "output": 3, "interpolation": kind}],
                "channels": [{"sampler": 0, "target": {"node": 0, "path": path}}],
            }
        ],
    }
    return glb(document, CORNERS, FACES.reshape(-1), np.array([0, 1, 2], "<f4"), output, CORNERS * 2)


def test_translation_is_linear_between_its_keys_and_can_step() -> None:
    keys = np.array([[0, 0, 0], [2, 0, 0], [2, 4, 0]], "<f4")
    read = read_animated_glb(moving("translation", keys), frames=4)  # at 0, 0.5, 1 and 1.5
    moved = read.vertices[:, 0]  # the corner at the origin
    assert moved.tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 2, 0]]
    assert np.array_equal(read.faces, FACES)
    stepped = read_animated_glb(moving("translation", keys, "STEP"), frames=4).vertices[:, 0]
    assert stepped.tolist() == [[0, 0, 0], [0, 0, 0], [2, 0, 0], [2, 0, 0]]


def test_a_spline_follows_its_tangents() -> None:
    values = np.zeros((3, 3, 3), "<f4")  # keys x (arriving, value, leaving) x 3
    values[1, 1, 0] = 1
    values[0, 2, 0] = 2  # leaves the first key with speed 2
    read = read_animated_glb(moving("translation", values.reshape(9, 3), "CUBICSPLINE"), frames=4)
    assert read.vertices[1, 0, 0] == pytest.approx(
        0.5 * 1 + 0.125 * 2
    )  # Hermite at one half: 1/2, and 1/8 of the speed


def test_rotation_keeps_its_speed_along_the_arc() -> None:
    half = np.sqrt(0.5)
    keys = np.array([[0, 0, 0, 1], [0, 0, half, half], [0, 0, -half, -half]], "<f4")  # the last two are one rotation
    read = read_animated_glb(moving("rotation", keys), frames=8)  # a quarter turn about z in the first second
    angles = np.radians([0, 22.5, 45, 67.5, 90, 90, 90, 90])
    expected = np.stack([5 + np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    assert read.vertices[:, 1] == pytest.approx(expected, abs=1e-6)


def test_morph_targets_are_added_by_weight() -> None:
    content = moving("weights", np.array([[0], [1], [0.5]], "<f4"), targets=[{"POSITION": 4}])
    read = read_animated_glb(content, frames=2)  # at 0 and 1
    assert read.vertices[1] == pytest.approx(CORNERS * 3 + [5, 0, 0])


def test_a_skin_moves_vertices_with_their_joints() -> None:
    document = {
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"mesh": 0, "skin": 0, "translation": [100, 0, 0]}, {"children": [2]}, {"translation": [0, 1, 0]}],
        "skins": [{"joints": [1, 2], "inverseBindMatrices": 6}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "JOINTS_0": 4, "WEIGHTS_0": 5}, "indices": 1}]}],
        "animations": [
            {
                "samplers": [{"input": 2, "output": 3}],
                "channels": [{"sampler": 0, "target": {"node": 2, "path": "translation"}}],
            }
        ],
    }
    keys = np.array([[0, 1, 0], [0, 3, 0]], "<f4")
    joints = np.array([[0, 1, 0, 0]] * 4, "<u2")
    weights = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0, 0]], "<f4")
    binds = np.tile(np.eye(4), (2, 1, 1))
    binds[1, :3, 3] = [0, -1, 0]  # undoes where the second joint was bound
    columns = binds.transpose(0, 2, 1).reshape(2, 16).astype("<f4")
    content = glb(document, CORNERS, FACES.reshape(-1), np.array([0, 2], "<f4"), keys, joints, weights, columns)
    read = read_animated_glb(content, frames=2)  # at 0 and 1: the second joint is one higher by then
    assert read.vertices[0] == pytest.approx(CORNERS), "the node of a skinned mesh has no say"
    lifted = np.array([0, 1, 0.5, 0.5])
    assert read.vertices[1] == pytest.approx(CORNERS + np.outer(lifted, [0, 1, 0]))


def test_what_hdray_writes_it_reads_as_an_animation() -> None:
    frames = [box((-0.2, -0.2, -0.2), (0.2, 0.2, 0.3)), sphere(0.4, subdivisions=1)]
    read = read_animated_glb(write_animation(frames), frames=2)
    count = len(frames[0].vertices)
    assert read.vertices[0, :count] == pytest.approx(frames[0].vertices, abs=1e-6)
    assert not read.vertices[0, count:].any(), "the other frame is scaled to nothing"
    assert read.vertices[1, count:] == pytest.approx(frames[1].vertices, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (write_mesh(Mesh(CORNERS.astype(float), FACES.astype(np.int64)), "glb"), "one still shape"),
        (b"glTF" + bytes(8), "damaged or something else"),
        (b"something else", "does not begin with glTF"),
        (moving("translation", np.zeros((3, 3), "<f4"))[:-60], "damaged or something else"),
    ],
)
def test_a_bad_file_is_rejected_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read_animated_glb(content, frames=2)
