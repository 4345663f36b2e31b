"""The run's shapes as evaluation sees them: vectors, and points on their surfaces."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.metrics.distinct import kept_count, most_distinct
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import Collector, ShapeSet
from hdray.pipeline.cluster import worker_device
from hdray.pipeline.generate_stage import Extraction, sample_ids, samples_table
from hdray.pipeline.instances import Fitted, matrix
from hdray.pipeline.run_directory import RunDirectory
from hdray.signals.points import decode
from hdray.surfaces.polygonise import EmptySurface

if TYPE_CHECKING:
    import pyarrow

SPLITS = {"validation": ["validation"], "test": ["test"], "held-out": ["validation", "test"]}


@dataclass(frozen=True)
class Vectors:
    """Vectors theta (N, D) float32 by their ids, whether they have a surface or not."""

    ids: list[str]
    theta: torch.Tensor

    def of(self, ids: Sequence[str]) -> torch.Tensor:
        """Those of these ids, in their order."""
        row_of = {name: row for row, name in enumerate(self.ids)}
        return self.theta[[row_of[name] for name in ids]]


@dataclass(frozen=True)
class Shapes:
    """Shapes that have a surface: ids, vectors theta (N, D) and all points that are kept of each, float32.

    Clouds are (N, P, 3), of animations (N, T, P, 3).
    """

    ids: list[str]
    theta: torch.Tensor
    clouds: torch.Tensor


def real_shapes(fitted: Fitted, config: Config) -> Shapes:
    """Fitted shapes by points on their own surfaces."""
    surface = _clouds(torch.from_numpy(fitted.surface.astype(np.int32)), config)
    # A copy: arrays that Ray hands over are not to be written to, of which torch would warn.
    return Shapes(fitted.ids, torch.tensor(fitted.theta), decode(surface))


def own_surfaces(
    fitted: Fitted, wanted: Collection[str], known: Mapping[str, Mapping[str, Any]], config: Config, protocol: Protocol
) -> ShapeSet:
    """The fitted shapes of the ids `wanted` by points on their own surfaces, under the names of their files.

    `known`: rows of the instances table by id, with the family; a shape without one is its own.
    """
    families = {
        source: known[name]["family"] or source for name, source in zip(fitted.ids, fitted.sources, strict=True)
    }
    collector, wanted = Collector(protocol, config.seed, families), set(wanted)
    for name, source, cloud in zip(fitted.ids, fitted.sources, real_shapes(fitted, config).clouds, strict=True):
        if name in wanted:
            collector.add(source, cloud.numpy)
    return collector.done()


def compared_samples(run: RunDirectory, config: Config, references: int) -> list[str]:
    """Names of the generated shapes that are compared with so many references: all, or by `evaluate.deduplicate`.

    On a GPU if this process has one.
    """
    names = sample_ids(config)
    if not config.evaluate.deduplicate:
        return names
    vectors = generated_vectors(run, names)
    count = kept_count(len(vectors.ids), references)
    device = worker_device()
    return [vectors.ids[row] for row in most_distinct(vectors.theta, count, device).tolist()]


def generated_vectors(run: RunDirectory, names: list[str]) -> Vectors:
    """The vectors of the generated shapes of these names."""
    table = _samples(run, names, ["theta"])
    return Vectors(table["id"].to_pylist(), torch.from_numpy(matrix(table["theta"], np.float32)))


def generated_shapes(run: RunDirectory, config: Config, names: list[str]) -> tuple[Shapes, dict[str, str]]:
    """The generated shapes of these names that have a surface, and why the others have none, by name."""
    import pyarrow.compute as pc

    table = _samples(run, names, ["theta", "surface", "reason"])
    solid, empty = (table.filter(keep) for keep in (pc.is_valid(table["surface"]), pc.is_null(table["surface"])))
    reasons = {name: str(why) for name, why in zip(empty["id"].to_pylist(), empty["reason"].to_pylist(), strict=True)}
    if not solid.num_rows:
        width = len(table["theta"][0].values)
        return Shapes([], torch.empty(0, width), _clouds(torch.empty(0, 3), config)), reasons
    shapes = Shapes(
        solid["id"].to_pylist(),
        torch.from_numpy(matrix(solid["theta"], np.float32)),
        _clouds(torch.from_numpy(matrix(solid["surface"], np.float32)), config),
    )
    return shapes, reasons


def shape_set(shapes: Shapes, reasons: Mapping[str, str], config: Config, protocol: Protocol) -> ShapeSet:
    """Shapes as the protocol takes them; `reasons` are of those that have no surface."""
    collector = Collector(protocol, config.seed)
    for name, cloud in zip(shapes.ids, shapes.clouds, strict=True):
        collector.add(name, cloud.numpy)
    for name, reason in reasons.items():
        collector.exclude(name, reason)
    return collector.done()


def one_body_share(run: RunDirectory, names: list[str]) -> float:
    """Share of the generated shapes of these names, empty ones included, whose surface is one body, in every frame; NaN of clouds."""
    found = _samples(run, names, ["bodies"])["bodies"].to_pylist()
    return float("nan") if None in found else sum(count == 1 for count in found) / len(found)


def shapes_of(ids: list[str], theta: torch.Tensor, config: Config, purpose: str) -> tuple[Shapes, dict[str, str]]:
    """Vectors (N, D) with the surfaces of their fields, and why the others have none, by id.

    Points are drawn for (purpose, id).
    """
    found = surface_clouds(theta, [[f"{purpose} {name}"] for name in ids], config)
    solid = [(row, clouds[0]) for row, clouds in enumerate(found) if not isinstance(clouds, EmptySurface)]
    rows = [row for row, _ in solid]
    clouds = torch.from_numpy(np.array([cloud for _, cloud in solid], np.float32))
    reasons = {name: made.reason for name, made in zip(ids, found, strict=True) if isinstance(made, EmptySurface)}
    return Shapes([ids[row] for row in rows], theta[rows], _clouds(clouds, config)), reasons


def surface_clouds(
    theta: torch.Tensor, draws: Sequence[Sequence[str]], config: Config
) -> list[list[np.ndarray] | EmptySurface]:
    """Per vector (N, D) the surface of its field, extracted once, by several draws of points, a name each.

    Points are (P, 3) float32, of animations P of each of the frames, one after the other (T P, 3).
    """
    extraction = Extraction(config)
    found: list[list[np.ndarray] | EmptySurface] = []
    for vector, names in zip(theta, draws, strict=True):
        meshes = extraction.meshes(vector)
        if isinstance(meshes, EmptySurface):
            found.append(meshes)
        else:
            found.append([extraction.points(meshes, name) for name in names])
    return found


def layout_of(config: Config) -> tuple[int, ...]:
    """The shape of a cloud of the run: (P, 3), or (T, P, 3)."""
    kept, frames = config.signal.surface_points, config.signal.frames
    return (frames, kept, 3) if frames else (kept, 3)


def _samples(run: RunDirectory, names: list[str], columns: list[str]) -> "pyarrow.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    table = samples_table(run).read(columns)
    assert table is not None, "check_evaluate or run_generate saw to it"
    return table.filter(pc.is_in(table["id"], value_set=pa.array(names, pa.string())))


def _clouds(surface: torch.Tensor, config: Config) -> torch.Tensor:
    """All points kept of each shape or frame, (N, ..., 3), as clouds."""
    return surface.reshape(len(surface), *layout_of(config))
