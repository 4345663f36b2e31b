"""Animated meshes as .glb files that any viewer plays: a mesh per frame, all but one at a time scaled to nothing."""

import io
import json
import struct
from typing import Any

import numpy as np

from hdray.signals.mesh import Mesh

SECONDS_PER_FRAME = 1 / 16
_FLOAT, _UNSIGNED = 5126, 5125
_VERTICES, _INDICES = 34962, 34963


def write_animation(frames: list[Mesh], seconds_per_frame: float = SECONDS_PER_FRAME) -> bytes:
    """The content of a .glb (glTF 2.0): nodes frame-000, frame-001, ..., and an animation that shows one after the other.

    The frames' meshes need not have anything in common, so nothing can be moved from one to the next: steps of each
    node's scale between 1 and 0 switch them.
    """
    binary = io.BytesIO()
    views: list[dict[str, int]] = []
    accessors: list[dict[str, Any]] = []

    def add(numbers: np.ndarray, component: int, kind: str, target: int | None = None) -> int:
        """The index of a new accessor of these numbers, rows of one element each."""
        views.append({"buffer": 0, "byteOffset": binary.tell(), "byteLength": numbers.nbytes})
        if target:
            views[-1]["target"] = target
        binary.write(numbers.tobytes())
        accessor = {"bufferView": len(views) - 1, "componentType": component, "count": len(numbers), "type": kind}
        accessors.append(
            {**accessor, "min": np.ravel(numbers.min(axis=0)).tolist(), "max": np.ravel(numbers.max(axis=0)).tolist()}
        )
        return len(accessors) - 1

    meshes = []
    for mesh in frames:
        position = add(mesh.vertices.astype("<f4"), _FLOAT, "VEC3", _VERTICES)
        indices = add(mesh.faces.astype("<u4").reshape(-1), _UNSIGNED, "SCALAR", _INDICES)
        meshes.append({"primitives": [{"attributes": {"POSITION": position}, "indices": indices}]})
    # One key more than there are frames: the last frame is shown as long as the others.
    count = len(frames)
    times = add((np.arange(count + 1) * seconds_per_frame).astype("<f4"), _FLOAT, "SCALAR")
    samplers, channels = [], []
    for frame in range(count):
        shown = np.zeros((count + 1, 3), "<f4")
        shown[frame] = 1
        shown[count] = shown[count - 1]
        samplers.append({"input": times, "output": add(shown, _FLOAT, "VEC3"), "interpolation": "STEP"})
        channels.append({"sampler": frame, "target": {"node": frame, "path": "scale"}})
    names = [f"frame-{frame:03d}" for frame in range(count)]
    # Viewers that do not play animations show the first frame.
    nodes = [
        {"name": name, "mesh": frame, **({"scale": [0, 0, 0]} if frame else {})} for frame, name in enumerate(names)
    ]
    document = {
        "asset": {"version": "2.0", "generator": "hdray"},
        "scene": 0,
        "scenes": [{"nodes": list(range(count))}],
        "nodes": nodes,
        "meshes": [{"name": name, **mesh} for name, mesh in zip(names, meshes, strict=True)],
        "animations": [{"name": "frames", "samplers": samplers, "channels": channels}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": binary.tell()}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    chunks = [(b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", binary.getvalue() + bytes(-binary.tell() % 4))]
    body = b"".join(struct.pack("<I", len(content)) + kind + content for kind, content in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def read_frames(content: bytes) -> list[Mesh]:
    """The frames of a file that `write_animation` wrote, in order."""
    import trimesh

    scene = trimesh.load_scene(io.BytesIO(content), file_type="glb", process=False)
    parts = sorted(scene.geometry.items())
    return [Mesh(np.asarray(part.vertices, np.float64), np.asarray(part.faces, np.int64)) for _, part in parts]
