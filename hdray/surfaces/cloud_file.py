"""Files as point clouds: meshes by points on their surfaces, clouds as they are, animations frame by frame."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.animation import Animation, chosen_frames
from hdray.signals.animation_file import read_anime
from hdray.signals.gltf_animation import holds_animation, read_animated_glb
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import EXTENSIONS, read_mesh
from hdray.signals.rejection import Rejected
from hdray.surfaces.points import surface_points

CLOUD_EXTENSION = ".npy"
MOVING_EXTENSION = ".anime"
READ = (*EXTENSIONS, MOVING_EXTENSION, CLOUD_EXTENSION)
"""Extensions of the files that are read; .ply is a mesh where it has faces and a cloud where it has none."""


@dataclass(frozen=True)
class CloudReading:
    """Points (P, 3) of a file, or (T, P, 3) of one that moves; what a hdray.signals.limits.LimitedReader does."""

    points: int
    """To draw over the area of a mesh, or of each frame of an animated one; 0 takes clouds and no meshes."""
    frames: int | None
    """Of an animated mesh; 0 takes the still pose of a .glb, and None that or all frames of a .anime."""
    seed: int
    """Points are drawn for (seed, name)."""

    def prepare(self) -> None:
        """Load the library that meshes are read with."""
        import trimesh  # noqa: F401

    def __call__(self, name: str, *files: tuple[bytes, str]) -> np.ndarray:
        """The points in the one file. Raises Rejected where it holds no shape, or a mesh and `points` is 0."""
        [(content, extension)] = files
        extension = extension.lower()
        if extension == CLOUD_EXTENSION:
            return array_of(content)
        if extension == ".ply" and not _has_faces(content):
            return _ply_points(content)
        if not self.points:
            raise Rejected("it is a mesh, and the protocol takes points as they are: give --points")
        if extension == MOVING_EXTENSION:
            return self._of_animation(read_anime(content), name)
        if extension == ".glb" and self.frames and holds_animation(content):
            return self._of_animation(read_animated_glb(content, self.frames), name)
        return self._of_mesh(read_mesh(content, extension), name)

    def _of_animation(self, animation: Animation, name: str) -> np.ndarray:
        available = len(animation.vertices)
        frames = chosen_frames(available, self.frames or available)
        clouds = []
        for number, index in enumerate(frames):
            try:
                clouds.append(self._of_mesh(animation.frame(int(index)), name, number))
            except Rejected as rejection:
                raise Rejected(f"in frame {number + 1} of {len(frames)}, {rejection}") from rejection
        return np.stack(clouds)

    def _of_mesh(self, mesh: Mesh, *stream: int | str) -> np.ndarray:
        if not np.isfinite(mesh.vertices).all():
            raise Rejected("some of its coordinates are not finite numbers")
        if not mesh.areas.sum() > 0:
            raise Rejected("its faces have no area")
        name, *frame = stream
        return surface_points(mesh, self.points, numpy_stream(self.seed, name, "surface", *frame))


def array_of(content: bytes) -> np.ndarray:
    """The array in a .npy file's bytes; raises Rejected. Takes no more memory than the bytes, whatever they claim."""
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # numpy's reader on broken bytes may raise anything
        raise Rejected(f"the file could not be read as .npy ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(found, np.ndarray):
        raise Rejected("the file is an archive of arrays, not one array")
    return found


def _has_faces(content: bytes) -> bool:
    """Whether the header of a .ply announces faces (or is no header, which the mesh reader then says)."""
    header, end, _ = content.partition(b"end_header")
    if not end:
        return True
    counts = [line.split() for line in header.splitlines() if line.startswith(b"element ")]
    return any(words[1] in (b"face", b"tristrips") and words[2:] != [b"0"] for words in counts)


def _ply_points(content: bytes) -> np.ndarray:
    import trimesh

    try:
        cloud: Any = trimesh.load(io.BytesIO(content), file_type="ply", process=False)
        return np.asarray(cloud.vertices, np.float64).reshape(-1, 3)
    except MemoryError:
        raise
    except Exception as error:  # as for meshes: broken bytes may raise anything
        raise Rejected(f"the file could not be read as .ply ({' '.join(str(error).split())[:200]})") from error
