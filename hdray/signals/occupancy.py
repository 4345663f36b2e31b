"""Occupancy of a mesh: inside is where the generalised winding number of the repaired mesh is at least one half.

HyperDiffusion, section 4: uniform points in the unit box and points near the surface, labelled by libigl's fast winding
number (Barill et al. 2018). `sample_mesh_file` is the whole way from a file's bytes to labelled points.
"""

from dataclasses import dataclass, replace

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import read_mesh
from hdray.signals.placement import place
from hdray.signals.points import decode, encode, pack
from hdray.signals.rejection import Rejected
from hdray.signals.repair import repair_mesh
from hdray.signals.self_intersection import self_intersection
from hdray.signals.settings import OccupancySettings

LEVEL = 0.5
"""Winding number from which on a point is inside."""
PROBES = 10_000
"""Probes, shared out by area, that tell which faces lie on the solid's surface."""
FEWEST_PROBES = 2
"""Probes of even the smallest face, one in a mesh of very many."""
PROBE_DISTANCE = 2e-4
"""How far to either side of a face (box edges) the labels must differ for the face to be part of the solid's surface."""
SMALLEST_SOLID = 1e-4
"""Least share of the unit box that must be inside: 10 of 100,000 uniform points."""
SMALLEST_SURFACE = 0.02
"""Least share of the repaired mesh's area that must separate inside from outside."""


POINT_ARRAYS = (
    "points",
    "labels",
    "held_out_uniform",
    "held_out_uniform_labels",
    "held_out_near",
    "held_out_near_labels",
    "surface",
)
"""The arrays of a sample."""


@dataclass(frozen=True)
class ShapeSample:
    """Everything the pipeline keeps of one shape: labelled points (coded, packed; see `points`) and surface points.

    Of an animation the arrays hold all frames, one after the other.
    """

    repairs: list[str]
    """Names of the repairs applied to the mesh."""
    points: np.ndarray
    """(P, 3) uint16: the training points, uniform and near-surface, shuffled."""
    labels: np.ndarray
    """(P/8,) uint8: packed labels of `points`."""
    held_out_uniform: np.ndarray
    """(H, 3) uint16: fresh uniform points."""
    held_out_uniform_labels: np.ndarray
    """(H/8,) uint8."""
    held_out_near: np.ndarray
    """(H, 3) uint16: fresh near-surface points."""
    held_out_near_labels: np.ndarray
    """(H/8,) uint8."""
    surface: np.ndarray
    """(S, 3) uint16: points on the surface of the solid."""
    solid_fraction: float
    """Share of the unit box that is inside, estimated from the uniform points."""
    self_intersection: float | None = None
    """Share of the file's surface that cuts through itself, of an animation the mean over frames; NaN: too much to
    measure, None: not asked for."""


class MeshOccupancy:
    """The signal "is this point inside the solid that this mesh bounds"."""

    def __init__(self, mesh: Mesh, repairs: list[str], settings: OccupancySettings) -> None:
        """`mesh` is repaired and placed; `repairs` names what was done to it."""
        import igl

        self.mesh = mesh
        self.repairs = repairs
        self.settings = settings
        self._hierarchy = igl.FastWindingNumberBVH()
        self._hierarchy.init(mesh.vertices, mesh.faces)

    def query(self, coordinates: np.ndarray) -> np.ndarray:
        """Labels (P,), bool, of coordinates (P, 3)."""
        points = np.ascontiguousarray(coordinates, dtype=np.float64)
        return np.asarray(self._hierarchy.winding_number(points)) >= LEVEL

    def surface_points(self, count: int, *seed: int | str) -> np.ndarray:
        """`count` points (count, 3), float64, uniform on the solid's surface: faces buried inside it get none.

        Raises Rejected when hardly any of the mesh separates inside from outside.
        """
        stream = numpy_stream(*seed)
        every_face = np.arange(len(self.mesh.faces))
        areas = self.mesh.areas
        # A few probes a face tell the faces that lie on the surface, and those that do not; only points on faces that
        # cross it are looked at one by one. The winding number near a surface is what sampling spends its time on.
        fewest = FEWEST_PROBES if FEWEST_PROBES * len(areas) <= PROBES else 1
        probes = np.repeat(every_face, np.maximum(fewest, np.ceil(PROBES * areas / areas.sum())).astype(np.int64))
        separates = self._separates(probes, self.mesh.points_on(probes, stream))
        share = np.bincount(probes, weights=separates) / np.bincount(probes)  # (F,)
        if (share * areas).sum() < SMALLEST_SURFACE * areas.sum():
            raise Rejected("its faces enclose nothing: almost none of the surface separates inside from outside")
        drawn_area = np.where(share > 0, areas, 0)
        cumulative = np.cumsum(drawn_area) / drawn_area.sum()
        rate = float((share * drawn_area).sum() / drawn_area.sum())
        kept: list[np.ndarray] = []
        found = 0
        while found < count:
            draw = stream.random(int(1.05 * (count - found) / rate) + 64)
            # Rounding may leave the last share just below 1; the draw then falls on the last face that has any.
            face = np.searchsorted(cumulative[: np.flatnonzero(drawn_area)[-1]], draw, side="right")
            points = self.mesh.points_on(face, stream)
            uncertain = np.flatnonzero(share[face] < 1)
            keep = np.ones(len(face), dtype=bool)
            keep[uncertain] = self._separates(face[uncertain], points[uncertain])
            kept.append(points[keep])
            found += int(keep.sum())
        return np.concatenate(kept)[:count]

    def _separates(self, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Whether at each point (n, 3) of its face (n,) one side is inside and the other outside, (n,) bool."""
        normals = self.mesh.cross_products[faces]
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        step = PROBE_DISTANCE * normals / np.where(lengths > 0, lengths, 1)
        return self.query(points + step) != self.query(points - step)

    def sample(self, *seed: int | str) -> ShapeSample:
        """The training points and the held-out points of this shape; the draw depends on `seed` alone.

        Raises Rejected when (almost) nothing is inside.
        """
        settings = self.settings
        held_out = settings.held_out_points
        uniform_count, near_count = settings.uniform_points + held_out, settings.near_points + held_out
        uniform = encode(numpy_stream(*seed, "uniform").random((uniform_count, 3)) - 0.5)
        uniform_labels = self.query(decode(uniform))
        solid_fraction = float(uniform_labels.mean())
        if solid_fraction < SMALLEST_SOLID:
            raise Rejected(f"it encloses almost nothing: {solid_fraction:.4%} of its box is inside")

        surface = self.surface_points(near_count + settings.surface_points, *seed, "surface")
        noise = numpy_stream(*seed, "noise").normal(scale=settings.near_sigma, size=(near_count, 3))
        near = encode(surface[:near_count] + noise)
        near_labels = self.query(decode(near))

        order = numpy_stream(*seed, "order").permutation(settings.uniform_points + settings.near_points)
        points = np.concatenate([uniform[held_out:], near[held_out:]])[order]
        labels = np.concatenate([uniform_labels[held_out:], near_labels[held_out:]])[order]
        return ShapeSample(
            repairs=self.repairs,
            points=points,
            labels=pack(labels),
            held_out_uniform=uniform[:held_out],
            held_out_uniform_labels=pack(uniform_labels[:held_out]),
            held_out_near=near[:held_out],
            held_out_near_labels=pack(near_labels[:held_out]),
            surface=encode(surface[near_count:]),
            solid_fraction=solid_fraction,
        )


def occupancy_of(mesh: Mesh, settings: OccupancySettings) -> MeshOccupancy:
    """The signal of a mesh as it comes from a file: cleaned, repaired and placed. Raises Rejected."""
    mesh, repairs = clean(mesh)
    if settings.repair == "auto":
        mesh, more = repair_mesh(mesh)
        repairs = repairs + more
    return MeshOccupancy(place(mesh, settings.normalisation), repairs, settings)


def sample_mesh_file(
    content: bytes,
    extension: str,
    settings: OccupancySettings,
    seed: int,
    instance: str,
    measure_self_intersection: bool = False,
) -> ShapeSample:
    """Labelled points of the solid in a mesh file's bytes; where `settings.frames` is set, of an animation's frames.

    How much of the mesh cuts through itself, where asked for, is measured before repair. Same bytes, seed and instance:
    same sample. Raises Rejected.
    """
    if settings.frames:
        from hdray.signals.animation import fitted_frames, sample_animation
        from hdray.signals.animation_file import read_animation

        animation = read_animation(content, extension, settings.frames)
        sample = sample_animation(animation, settings, seed, instance)
        meshes = fitted_frames(animation, settings.frames) if measure_self_intersection else []
    else:
        mesh = read_mesh(content, extension)
        sample = occupancy_of(mesh, settings).sample(seed, instance)
        meshes = [mesh] if measure_self_intersection else []
    if not meshes:
        return sample
    return replace(sample, self_intersection=float(np.mean([self_intersection(clean(mesh)[0]) for mesh in meshes])))


@dataclass(frozen=True)
class MeshSampling:
    """`sample_mesh_file` as what a hdray.signals.limits.LimitedReader does."""

    settings: OccupancySettings
    seed: int
    measure_self_intersection: bool = False

    def prepare(self) -> None:
        """Load the libraries that meshes are read, repaired and labelled with."""
        import embreex.mesh_construction
        import embreex.rtcore_scene  # noqa: F401
        import igl.predicates  # noqa: F401
        import scipy.sparse.csgraph  # noqa: F401
        import trimesh  # noqa: F401

    def __call__(self, instance: str, *files: tuple[bytes, str]) -> ShapeSample:
        """The labelled points in the one file. Raises Rejected."""
        [(content, extension)] = files
        return sample_mesh_file(content, extension, self.settings, self.seed, instance, self.measure_self_intersection)
