"""Sets of shapes as point clouds, out of files of meshes or of points, whoever made them.

A file that gives no cloud is not dropped: it is an exclusion with a reason, counted in every result.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hdray.metrics.protocols import Protocol
from hdray.seeds import numpy_stream
from hdray.signals.mesh_file import EXTENSIONS, read_mesh
from hdray.signals.rejection import Rejected
from hdray.surfaces.points import surface_points

CLOUD_EXTENSION = ".npy"
READ = (*EXTENSIONS, CLOUD_EXTENSION)
"""Extensions of the files that are read; .ply is a mesh where it has faces and a cloud where it has none."""


@dataclass(frozen=True)
class ShapeSet:
    """Shapes in order of their names, clouds (P, 3) float32 of one or of several sizes."""

    names: list[str]
    clouds: list[Tensor]
    families: list[str]
    """What bootstrap intervals are drawn over: a shape without a family is its own."""
    excluded: dict[str, str] = field(default_factory=dict)
    """Reason by name."""
    thinned: int = 0
    """Clouds that had more points than the protocol's, of which as many were drawn without replacement."""

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: Iterable[int]) -> "ShapeSet":
        """These shapes, the exclusions kept."""
        rows = list(indices)
        names, families = [self.names[row] for row in rows], [self.families[row] for row in rows]
        return ShapeSet(names, [self.clouds[row] for row in rows], families, self.excluded, self.thinned)


def merged(parts: Sequence[ShapeSet]) -> ShapeSet:
    """One set of all the parts' shapes, in order of their names."""
    found = {
        name: (cloud, family)
        for part in parts
        for name, cloud, family in zip(part.names, part.clouds, part.families, strict=True)
    }
    names = sorted(found)
    excluded = {name: reason for part in parts for name, reason in part.excluded.items()}
    return ShapeSet(
        names,
        [found[name][0] for name in names],
        [found[name][1] for name in names],
        dict(sorted(excluded.items())),
        sum(part.thinned for part in parts),
    )


class Collector:
    """Builds a set from files or arrays under a protocol; every random point is seeded by (seed, name)."""

    def __init__(self, protocol: Protocol, seed: int, families: dict[str, str] | None = None) -> None:
        self.protocol, self.seed, self.families = protocol, seed, families or {}
        self._clouds: dict[str, Tensor] = {}
        self._excluded: dict[str, str] = {}
        self._thinned = 0

    def add_file(self, name: str, content: bytes) -> None:
        """The shape in a file's bytes."""
        try:
            cloud = cloud_of(name, content, self.protocol.points, self.seed)
        except Rejected as reason:
            self.exclude(name, str(reason))
            return
        self.add_cloud(name, cloud)

    def add_cloud(self, name: str, cloud: np.ndarray) -> None:
        """A shape as points (P, 3)."""
        try:
            check_cloud(cloud, self.protocol.points)
        except Rejected as reason:
            self.exclude(name, str(reason))
            return
        if self.protocol.points and len(cloud) > self.protocol.points:
            cloud = thinned(cloud, self.protocol.points, self.seed, name)
            self._thinned += 1
        self._clouds[name] = torch.from_numpy(np.array(cloud, np.float32))

    def exclude(self, name: str, reason: str) -> None:
        """A shape that cannot be compared."""
        self._excluded[name] = reason

    def done(self) -> ShapeSet:
        """All that was added, in order of the names."""
        names = sorted(self._clouds)
        families = [self.families.get(name, name) for name in names]
        excluded = dict(sorted(self._excluded.items()))
        return ShapeSet(names, [self._clouds[name] for name in names], families, excluded, self._thinned)


def cloud_of(name: str, content: bytes, points: int, seed: int) -> np.ndarray:
    """Points (P, 3) of the file `name`: those it holds, or `points` drawn over the area of its mesh.

    Raises Rejected where it holds no shape, or a mesh and `points` is 0.
    """
    extension = "." + name.rpartition(".")[2].lower()
    if extension == CLOUD_EXTENSION:
        return _array(content)
    if extension == ".ply" and not _has_faces(content):
        return _ply_points(content)
    if not points:
        raise Rejected("it is a mesh, and the protocol takes points as they are: give --points")
    mesh = read_mesh(content, extension)
    if not np.isfinite(mesh.vertices).all():
        raise Rejected("some of its coordinates are not finite numbers")
    if not mesh.areas.sum() > 0:
        raise Rejected("its faces have no area")
    return surface_points(mesh, points, numpy_stream(seed, name, "surface"))


def check_cloud(cloud: np.ndarray, points: int) -> None:
    """Raise Rejected for an array that is no cloud, or not one that a protocol of so many points (0: any) can take."""
    if cloud.ndim != 2 or cloud.shape[1] != 3 or cloud.dtype.kind not in "fiu":
        raise Rejected(f"it is an array {cloud.shape} of {cloud.dtype}, and a cloud is (points, 3) numbers")
    if not len(cloud):
        raise Rejected("it holds no points")
    with np.errstate(over="ignore"):
        if not np.isfinite(cloud.astype(np.float32)).all():
            raise Rejected("some of its coordinates are not finite numbers")
    if len(cloud) == 1:
        raise Rejected("it holds a single point")
    if not np.ptp(cloud, axis=0).max() > 0:
        raise Rejected("all its points coincide")
    if points and len(cloud) < points:
        raise Rejected(f"it holds {len(cloud)} points, fewer than the protocol's {points}")


def thinned(cloud: np.ndarray, points: int, seed: int, name: str) -> np.ndarray:
    """`points` of the points, drawn without replacement for this name."""
    return cloud[numpy_stream(seed, name, "thinning").permutation(len(cloud))[:points]]


def stacked(clouds: Sequence[Tensor], points: int, seed: int, names: Sequence[str]) -> Tensor:
    """Clouds of possibly unequal sizes as (N, points, 3), thinned where they have more.

    Raises ValueError where one has fewer.
    """
    found = []
    for name, cloud in zip(names, clouds, strict=True):
        if len(cloud) < points:
            raise ValueError(f"{name} has {len(cloud)} points, fewer than {points}")
        found.append(cloud if len(cloud) == points else torch.from_numpy(thinned(cloud.numpy(), points, seed, name)))
    return torch.stack(found) if found else torch.empty(0, points, 3)


def _array(content: bytes) -> np.ndarray:
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
    except Exception as error:  # as for meshes: broken bytes may raise anything
        raise Rejected(f"the file could not be read as .ply ({' '.join(str(error).split())[:200]})") from error
