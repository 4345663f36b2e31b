"""The run's shapes as evaluation sees them: vectors, and points on their surfaces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.metrics.distinct import kept_count, most_distinct
from hdray.pipeline.generate_stage import Extraction, sample_ids, samples_table
from hdray.pipeline.instances import Fitted, matrix, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.training_rows import read_training
from hdray.signals.points import decode
from hdray.surfaces.polygonise import EmptySurface

if TYPE_CHECKING:
    import pyarrow

SPLITS = {"validation": ["validation"], "test": ["test"], "held-out": ["validation", "test"]}


@dataclass(frozen=True)
class Shapes:
    """Some shapes: ids, vectors theta (N, D) and clouds (N, P, 3), of animations (N, T, P, 3), float32."""

    ids: list[str]
    theta: torch.Tensor
    clouds: torch.Tensor


def reference_shapes(run: RunDirectory, config: Config) -> Shapes:
    """The held-out shapes that generated ones are compared with, by points on their own surfaces."""
    return real_shapes(read_fitted(run, SPLITS[config.evaluate.reference_split]), config)


def training_shapes(run: RunDirectory, config: Config) -> Shapes:
    """The shapes that the generator was trained on, by points on their own surfaces."""
    return real_shapes(read_training(run, config), config)


def real_shapes(fitted: Fitted, config: Config) -> Shapes:
    """Fitted shapes by points on their own surfaces."""
    surface = measured_points(torch.from_numpy(fitted.surface.astype(np.int32)), config)
    return Shapes(fitted.ids, torch.from_numpy(fitted.theta), decode(surface))


def compared_samples(run: RunDirectory, config: Config, references: int, device: str) -> list[str]:
    """Names of the generated shapes that are compared with so many references: all, or by `evaluate.deduplicate`."""
    names = sample_ids(config)
    if not config.evaluate.deduplicate:
        return names
    table = _samples(run, names, ["theta"])
    count = kept_count(table.num_rows, references)
    kept = most_distinct(torch.from_numpy(matrix(table["theta"], np.float32)), count, device)
    return [table["id"][row].as_py() for row in kept.tolist()]


def generated_shapes(run: RunDirectory, config: Config, names: list[str]) -> tuple[Shapes, int]:
    """The generated shapes of these names that have a surface, and how many have none."""
    import pyarrow.compute as pc

    table = _samples(run, names, ["theta", "surface"])
    solid = table.filter(pc.is_valid(table["surface"]))
    if not solid.num_rows:
        width = len(table["theta"][0].values)
        return Shapes([], torch.empty(0, width), measured_points(torch.empty(0, 3), config)), table.num_rows
    shapes = Shapes(
        solid["id"].to_pylist(),
        torch.from_numpy(matrix(solid["theta"], np.float32)),
        measured_points(torch.from_numpy(matrix(solid["surface"], np.float32)), config).clone(),
    )
    return shapes, table.num_rows - solid.num_rows


def one_body_share(run: RunDirectory, names: list[str]) -> float:
    """Share of the generated shapes of these names, empty ones included, whose surface is one body, in every frame; NaN of clouds."""
    found = _samples(run, names, ["bodies"])["bodies"].to_pylist()
    return float("nan") if None in found else sum(count == 1 for count in found) / len(found)


def shapes_of(ids: list[str], theta: torch.Tensor, config: Config, purpose: str) -> tuple[Shapes, int]:
    """Vectors (N, D) with the surfaces of their fields, and how many have none and are left out.

    Points are drawn for (purpose, id).
    """
    extraction = Extraction(config)
    made = [(index, extraction.meshes(vector)) for index, vector in enumerate(theta)]
    solid = [(index, meshes) for index, meshes in made if not isinstance(meshes, EmptySurface)]
    rows = [index for index, _ in solid]
    drawn = [extraction.points(meshes, f"{purpose} {ids[index]}") for index, meshes in solid]
    clouds = torch.from_numpy(np.array(drawn, np.float32))
    return Shapes([ids[row] for row in rows], theta[rows], measured_points(clouds, config)), len(theta) - len(rows)


def _samples(run: RunDirectory, names: list[str], columns: list[str]) -> "pyarrow.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    table = samples_table(run).read(columns)
    assert table is not None, "check_evaluate or run_generate saw to it"
    return table.filter(pc.is_in(table["id"], value_set=pa.array(names, pa.string())))


def measured_points(surface: torch.Tensor, config: Config) -> torch.Tensor:
    """The points to measure by, (N, P, 3) or (N, T, P, 3), of all those kept of each shape or frame, (N, ..., 3)."""
    kept, frames = config.signal.surface_points, config.signal.frames
    shape = (len(surface), frames, kept, 3) if frames else (len(surface), kept, 3)
    return surface.reshape(shape)[..., : config.evaluate.points, :]
