"""A run whose shapes are ellipsoids in grids of voxels, without fitting any: fields that lose something of their shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from hdray.config.load import to_yaml
from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.generate_stage import sample_schema, samples_table
from hdray.pipeline.instances import instances_schema, instances_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import shapes_of
from hdray.signals.points import encode
from hdray.signals.settings import OccupancySettings
from tests.pipeline.tables import write_rows

VOXELS, POINTS = 12, 256
LOST = 0.8
"""What the fields keep of each radius: a loss that a bad fit could have."""


def config(run: Path | str = "", count: int = 10, kind: str = "voxels", frames: int = 0, **evaluate: Any) -> Config:
    model = "voxel-diffusion" if kind == "voxels" else "point-diffusion"
    return Config(
        run=str(run),
        signal=OccupancySettings(surface_points=POINTS, frames=frames),
        field=FieldSettings(kind=kind, voxels=VOXELS),
        fit=FitSettings(minimum_near_iou=0.5),
        generator=GeneratorSettings(kind=model, width=8, layers=1, heads=2, normalisation="scalar", delta=False),
        generate=GenerateSettings(count=count, resolution=24, steps=5, mesh_format="glb" if frames else "ply"),
        evaluate=EvaluateSettings(**evaluate),
    )


def radii(count: int, seed: int) -> np.ndarray:
    """(N, 3)."""
    return np.random.default_rng(seed).uniform(0.15, 0.45, (count, 3))


def fields(sizes: np.ndarray) -> torch.Tensor:
    """Grids (N, D) of logits of ellipsoids of radii (N, 3), each smaller than its shape."""
    centres = (np.arange(VOXELS) + 0.5) / VOXELS - 0.5
    grid = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), axis=-1)  # (R, R, R, 3)
    places = grid[None] / (LOST * sizes[:, None, None, None])
    logits = 8 * (1 - np.linalg.norm(places, axis=-1))
    return torch.from_numpy(logits.clip(-4, 4).reshape(len(sizes), -1).astype(np.float32))


def surfaces(sizes: np.ndarray, seed: int) -> np.ndarray:
    """Points (N, P, 3) on the ellipsoids themselves."""
    directions = np.random.default_rng(seed).normal(size=(len(sizes), POINTS, 3))
    return directions / np.linalg.norm(directions / sizes[:, None], axis=2, keepdims=True)


def write_run(folder: Path, samples: np.ndarray, empty: int = 0, kind: str = "voxels", frames: int = 0) -> RunDirectory:
    """20 training shapes, 15 test shapes in 14 families of which one is badly fitted, and samples (N, 3), some empty.

    The frames of an animation are ellipsoids that shrink.
    """
    run, chosen = RunDirectory(str(folder)), config(kind=kind, frames=frames)
    (folder / "config.yaml").write_bytes(to_yaml(chosen))
    sizes = np.concatenate([radii(20, 0), radii(15, 1)])
    shrunk = [0.9**frame for frame in range(max(frames, 1))]
    clouds = np.stack([surfaces(share * sizes, 2) for share in shrunk], axis=1)  # (N, T, P, 3)

    def vectors(of: np.ndarray) -> torch.Tensor:
        if kind == "points":
            return torch.from_numpy(surfaces(of, 4).reshape(len(of), -1).astype(np.float32))
        return torch.cat([fields(share * of) for share in shrunk], dim=1)

    thetas = vectors(sizes).numpy()
    rows = [
        {
            "id": f"i{number:02d}", "source": f"{99 - number}.obj", "split": "train" if number < 20 else "test",
            "status": "accepted", "near_iou": 0.1 if number == 34 else 0.9, "theta": thetas[number],
            "family": "twins" if number in (20, 21) else None, "category": "odd" if number % 2 else "even",
            "surface": encode(clouds[number]).reshape(-1),
        }
        for number in range(35)
    ]  # fmt: skip
    write_rows(instances_table(run), "new", pa.Table.from_pylist(rows, schema=instances_schema()))
    names, made = [f"sample-{number:05d}" for number in range(len(samples))], vectors(samples)
    drawn, _ = shapes_of(names, made, chosen, "sample")
    bodies = None if kind == "points" else 1
    rows = [
        {
            "id": name, "theta": made[number].numpy(), "bodies": 0 if number < empty else bodies,
            "surface": None if number < empty else drawn.clouds[number].reshape(-1).numpy(),
            "reason": "there is nothing" if number < empty else None,
        }
        for number, name in enumerate(names)
    ]  # fmt: skip
    write_rows(samples_table(run), "made", pa.Table.from_pylist(rows, schema=sample_schema()))
    return run
