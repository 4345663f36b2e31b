"""Occupancy of an animated mesh: space and time, one signal (HyperDiffusion, section 4, "4D").

The frames are meshes of their own: repaired and labelled one by one, placed together. Arrays hold frame after frame, so
the frame of a point is its place in the array over the points per frame, and need not be stored.
"""

from dataclasses import dataclass

import numpy as np

from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh
from hdray.signals.occupancy import POINT_ARRAYS, MeshOccupancy, ShapeSample
from hdray.signals.placement import MEAN_EXTENT
from hdray.signals.rejection import Rejected
from hdray.signals.repair import repair_mesh
from hdray.signals.settings import OccupancySettings


@dataclass(frozen=True)
class Animation:
    """Triangles that move: `vertices` (T, V, 3) float64 over T frames, `faces` (F, 3) int64 of all of them."""

    vertices: np.ndarray
    faces: np.ndarray

    def frame(self, index: int) -> Mesh:
        """One frame as a mesh."""
        return Mesh(self.vertices[index], self.faces)


def chosen_frames(available: int, wanted: int) -> np.ndarray:
    """Indices (wanted,) of frames spread evenly from the first on, as the published code chooses them.

    The last one is not reached, so that a cycle does not show its first pose twice; of fewer frames than wanted some
    come more than once.
    """
    return np.linspace(0, available, wanted, endpoint=False).astype(np.int64)


def fitted_frames(animation: Animation, wanted: int) -> list[Mesh]:
    """The `chosen_frames` of an animation."""
    return [animation.frame(int(index)) for index in chosen_frames(len(animation.vertices), wanted)]


def frame_times(settings: OccupancySettings) -> np.ndarray | None:
    """The time coordinate (T,) float32 of each frame, None for still meshes.

    Evenly inside [-0.5, 0.5], or the frame's index, as the published code has it.
    """
    if not settings.frames:
        return None
    index = np.arange(settings.frames, dtype=np.float32)
    return index if settings.time == "index" else (index + 0.5) / settings.frames - 0.5


def place_together(frames: list[Mesh], mode: str) -> list[Mesh]:
    """All frames moved and scaled by one factor.

    "box" (the paper): the bounding box of all frames is centred at the origin and its longest edge becomes 1; the body
    moves through it. "mean" (the code): the mean of each frame's vertices becomes the origin, so that what walks stays
    in place, and the largest absolute coordinate of all becomes 0.475.
    Raises Rejected when all vertices are one point.
    """
    if mode == "box":
        every = np.concatenate([frame.vertices for frame in frames])
        low, high = every.min(axis=0), every.max(axis=0)
        centred = [frame.vertices - 0.5 * (low + high) for frame in frames]
        size = float((high - low).max())
    elif mode == "mean":
        centred = [frame.vertices - frame.vertices.mean(axis=0) for frame in frames]
        size = max(float(np.abs(vertices).max()) for vertices in centred) / MEAN_EXTENT
    else:
        raise ValueError(f"normalisation = {mode!r} is not known; it must be box or mean")
    if not size > 0:
        raise Rejected("all its vertices are one point, so it has no size")
    return [Mesh(vertices / size, frame.faces) for vertices, frame in zip(centred, frames, strict=True)]


def sample_animation(animation: Animation, settings: OccupancySettings, *seed: int | str) -> ShapeSample:
    """Labelled points of every frame, frame after frame: each array of the result is `settings.frames` times as long.

    Raises Rejected, naming the frame, when a frame is no solid.
    """
    frames, repairs = [], []
    for number, frame in enumerate(fitted_frames(animation, settings.frames), start=1):
        try:
            mesh, done = clean(frame)
            if settings.repair == "auto":
                mesh, more = repair_mesh(mesh)
                done = done + more
        except Rejected as rejection:
            raise Rejected(_in_frame(number, settings, rejection)) from rejection
        frames.append(mesh)
        repairs += done
    samples = []
    for number, mesh in enumerate(place_together(frames, settings.normalisation), start=1):
        try:
            samples.append(MeshOccupancy(mesh, [], settings).sample(*seed, f"frame {number}"))
        except Rejected as rejection:
            raise Rejected(_in_frame(number, settings, rejection)) from rejection
    joined = {name: np.concatenate([getattr(sample, name) for sample in samples]) for name in POINT_ARRAYS}
    fraction = float(np.mean([sample.solid_fraction for sample in samples]))
    return ShapeSample(repairs=list(dict.fromkeys(repairs)), solid_fraction=fraction, self_intersection=None, **joined)


def _in_frame(number: int, settings: OccupancySettings, rejection: Rejected) -> str:
    return f"in frame {number} of {settings.frames}, {rejection}"
