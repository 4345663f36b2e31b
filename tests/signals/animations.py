"""Animations with known shapes, as arrays and as files."""

import struct

import numpy as np

from hdray.signals.animation import Animation
from tests.signals.solids import sphere


def growing_ball(frames: int = 5, step: float = 0.1, subdivisions: int = 2) -> Animation:
    """A ball whose radius grows from 0.5 by `step` a frame, while it moves along x by `step` a frame."""
    ball = sphere(0.5, subdivisions=subdivisions)
    grown = [ball.vertices * (1 + 2 * step * frame) + np.array([step * frame, 0, 0]) for frame in range(frames)]
    return Animation(np.stack(grown), ball.faces)


def anime(animation: Animation) -> bytes:
    """The bytes of a .anime file."""
    frames, vertices, _ = animation.vertices.shape
    first = animation.vertices[0]
    offsets = animation.vertices[1:] - first
    return (
        struct.pack("<3i", frames, vertices, len(animation.faces))
        + first.astype("<f4").tobytes()
        + animation.faces.astype("<i4").tobytes()
        + offsets.astype("<f4").tobytes()
    )
