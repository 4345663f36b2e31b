"""Sets of shapes as point clouds, still ones (P, 3) or animations (T, P, 3), whoever made them.

A shape that gives no cloud is not dropped: it is an exclusion with a reason, counted in every result.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol
from hdray.seeds import numpy_stream
from hdray.signals.rejection import Rejected


@dataclass(frozen=True)
class ShapeSet:
    """Shapes in order of their names, clouds (P, 3) or (T, P, 3) float32 of one or of several sizes."""

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

    def frames(self) -> dict[int, str]:
        """The numbers of frames there are, 0 standing for still, each with the name of a shape that has it."""
        return {
            len(cloud) if cloud.dim() == 3 else 0: name for name, cloud in zip(self.names, self.clouds, strict=True)
        }

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
    """Builds a set from arrays under a protocol; what it draws is seeded by (seed, name)."""

    def __init__(self, protocol: Protocol, seed: int, families: dict[str, str] | None = None) -> None:
        self.protocol, self.seed, self.families = protocol, seed, families or {}
        self._clouds: dict[str, Tensor] = {}
        self._excluded: dict[str, str] = {}
        self._thinned = 0

    def add(self, name: str, read: Callable[[], np.ndarray]) -> None:
        """The shape that `read` gives as points (P, 3) or (T, P, 3), excluded where it raises Rejected."""
        try:
            cloud = read()
            check_cloud(cloud, self.protocol.points)
        except Rejected as reason:
            self.exclude(name, str(reason))
            return
        if self.protocol.points and cloud.shape[-2] > self.protocol.points:
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


def check_cloud(cloud: np.ndarray, points: int) -> None:
    """Raise Rejected for an array that is no cloud, or not one that a protocol of so many points (0: any) can take."""
    if cloud.ndim not in (2, 3) or cloud.shape[-1] != 3 or cloud.dtype.kind not in "fiu":
        raise Rejected(
            f"it is an array {cloud.shape} of {cloud.dtype}; a cloud is (points, 3) numbers, one that moves (frames, points, 3)"
        )
    if not cloud.size:
        raise Rejected("it holds no points")
    with np.errstate(over="ignore"):
        if not np.isfinite(cloud.astype(np.float32)).all():
            raise Rejected("some of its coordinates are not finite numbers")
    count = cloud.shape[-2]
    if count == 1:
        raise Rejected("it holds a single point")
    spread = np.atleast_1d(np.ptp(cloud, axis=-2).max(axis=-1))  # (frames or 1,)
    if not (spread > 0).all():
        where = f" in frame {int((spread > 0).argmin()) + 1}" if cloud.ndim == 3 else ""
        raise Rejected(f"all its points coincide{where}")
    if points and count < points:
        raise Rejected(f"it holds {count} points, fewer than the protocol's {points}")


def check_frames(sets: Mapping[str, ShapeSet], protocol: Protocol) -> int:
    """The number of frames of all shapes of all sets, 0 of still ones.

    Raises UserError where they have not all the same, or not the protocol's. `sets` are named as a user knows them.
    """
    found = [(kind, name, frames) for kind, shapes in sets.items() for frames, name in shapes.frames().items()]
    wanted = protocol.frames
    if wanted is None:
        wanted = found[0][2] if found else 0
    for kind, name, frames in found:
        if frames == wanted:
            continue
        if protocol.frames is None:
            first = f"while {found[0][1]} of {found[0][0]} is {_kind(wanted)}; compare shapes of one kind"
            more = ", or give --frames for .glb and .anime files" if frames and wanted else ""
            raise UserError(f"{name} of {kind} is {_kind(frames)}, {first}{more}")
        right = (
            f"give --frames {frames}" if frames and wanted else "take hyperdiffusion-4d" if frames else "take another"
        )
        raise UserError(
            f"{name} of {kind} is {_kind(frames)}, and the protocol {protocol.name} compares "
            f"{f'animations of {wanted} frames' if wanted else 'still shapes'}; {right}, or protocol none"
        )
    return wanted


def _kind(frames: int) -> str:
    return f"an animation of {frames} frames" if frames else "a still shape"


def thinned(cloud: np.ndarray, points: int, seed: int, name: str) -> np.ndarray:
    """`points` of the points (P, 3) or (T, P, 3), drawn without replacement for this name, the same in every frame."""
    return cloud[..., numpy_stream(seed, name, "thinning").permutation(cloud.shape[-2])[:points], :]


def stacked(clouds: Sequence[Tensor], points: int, seed: int, names: Sequence[str]) -> Tensor:
    """Still clouds of possibly unequal sizes as (N, points, 3), thinned where they have more.

    Raises ValueError where one has fewer.
    """
    found = []
    for name, cloud in zip(names, clouds, strict=True):
        if len(cloud) < points:
            raise ValueError(f"{name} has {len(cloud)} points, fewer than {points}")
        found.append(cloud if len(cloud) == points else torch.from_numpy(thinned(cloud.numpy(), points, seed, name)))
    return torch.stack(found) if found else torch.empty(0, points, 3)
