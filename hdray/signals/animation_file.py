"""Files of animated meshes: DeformingThings4D's .anime, and .glb with skins, morph targets or moving nodes."""

import struct

import numpy as np

from hdray.signals.animation import Animation
from hdray.signals.rejection import Rejected

EXTENSIONS = (".anime", ".glb")


def read_animation(content: bytes, extension: str, frames: int) -> Animation:
    """The animation in a file's bytes, nothing repaired.

    A .anime file gives all the frames it has; a .glb, which describes motion over continuous time, gives `frames` of
    them, evenly spread over its first animation. Raises Rejected where there is no animated mesh to be had.
    """
    if not content.strip():
        raise Rejected("the file is empty")
    if extension == ".anime":
        return read_anime(content)
    if extension == ".glb":
        from hdray.signals.gltf_animation import read_animated_glb

        return read_animated_glb(content, frames)
    raise Rejected(f"{extension} is not a format of animations read here ({' '.join(EXTENSIONS)})")


def read_anime(content: bytes) -> Animation:
    """DeformingThings4D's format, little-endian.

    int32 frames T, vertices V, faces F; float32 (V, 3), the first frame; int32 (F, 3); float32 (T - 1, V, 3), offsets of
    the other frames from the first.
    """
    if len(content) < 12:
        raise Rejected("the file could not be read as .anime: it ends within its header")
    frames, vertices, faces = struct.unpack("<3i", content[:12])
    if min(frames, vertices, faces) < 1:
        raise Rejected(
            f"it holds {frames} frames of {vertices} vertices and {faces} faces, so there is no moving surface"
        )
    expected = 12 + 4 * (3 * vertices * frames + 3 * faces)
    if len(content) != expected:
        raise Rejected(
            f"the file could not be read as .anime: its header asks for {expected} bytes, it has {len(content)}"
        )
    first = np.frombuffer(content, "<f4", 3 * vertices, 12).reshape(vertices, 3)
    corners = np.frombuffer(content, "<i4", 3 * faces, 12 + 12 * vertices).reshape(faces, 3)
    offsets = np.frombuffer(content, "<f4", 3 * vertices * (frames - 1), 12 + 12 * vertices + 12 * faces)
    if corners.min() < 0 or corners.max() >= vertices:
        raise Rejected(f"a face refers to vertex {int(corners.max())}, but the file has only {vertices} vertices")
    moving = first + offsets.reshape(frames - 1, vertices, 3).astype(np.float64)
    return Animation(np.concatenate([first[None].astype(np.float64), moving]), corners.astype(np.int64))
