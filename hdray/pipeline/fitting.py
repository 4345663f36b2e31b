"""The fitting stage: an actor that turns labelled points into vectors, a batch of shapes at a time."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.fields.cloud import PointCloud
from hdray.fields.field import DescentField
from hdray.fitting.initialisation import independent_starts
from hdray.fitting.quality import Quality, quality
from hdray.fitting.represent import represent
from hdray.pipeline.cluster import use_threads, worker_device
from hdray.pipeline.field import field_with, read_shared
from hdray.pipeline.instances import ACCEPTED, POINT_COLUMNS, instances_schema
from hdray.pipeline.shared import read_initialisation
from hdray.signals.animation import frame_times

if TYPE_CHECKING:
    import pyarrow


class FittingActor:
    """Ray Data actor: a table of sampled_schema in, one of instances_schema out."""

    def __init__(self, config: Config, initialisation_url: str) -> None:
        use_threads(config.execution.fitting_threads)
        self.config = config
        self.field = field_with(config, read_shared(initialisation_url))
        self.times = times_of(config)
        self.device = worker_device()
        self.start, self.shared_hash = read_initialisation(initialisation_url)

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        """Fit the accepted rows of the batch together; rejected rows pass through."""
        import pyarrow as pa

        rows = batch.to_pylist()
        accepted = [row for row in rows if row["status"] == ACCEPTED]
        if accepted:
            self.fit_rows(accepted)
        kept = instances_schema().names
        return pa.Table.from_pylist([{name: row.get(name) for name in kept} for row in rows], schema=instances_schema())

    def fit_rows(self, rows: list[dict[str, Any]]) -> None:
        """Put vector, losses and times into the rows, in place."""
        begin = time.perf_counter()
        points = {name: stack(rows, name) for name in POINT_COLUMNS}
        ids = [row["id"] for row in rows]
        result = represent(
            self.field,
            points["points"],
            points["labels"],
            stack(rows, "surface"),
            self.start_of(ids),
            self.config.fit,
            ids,
            self.config.fit_seed,
            self.device,
            self.times,
        )
        held_out = self.held_out(result.theta, points)
        seconds = (time.perf_counter() - begin) / len(rows)
        for index, row in enumerate(rows):
            row["surface"] = np.frombuffer(row["surface"], np.uint16)
            row["fit_seconds"], row["shared_hash"] = seconds, self.shared_hash
            row["fit_steps"] = int(result.steps[index])
            if not bool(torch.isfinite(result.theta[index]).all()):
                row["reason"] = "its fit diverged: the vector is not finite"
                continue
            row["theta"] = result.theta[index].numpy()
            if held_out is not None:
                uniform, near = held_out
                row["loss"] = float((uniform.bce[index] + near.bce[index]) / 2)
                row["iou"], row["near_iou"] = float(uniform.iou[index]), float(near.iou[index])

    def start_of(self, ids: list[str]) -> torch.Tensor:
        """Where the fits of these instances start: (D,), or (K, D)."""
        if self.config.fit.initialisation == "independent" and isinstance(self.field, DescentField):
            return independent_starts(self.field, ids, self.config.fit_seed)
        return self.start

    def held_out(self, theta: torch.Tensor, points: dict[str, torch.Tensor]) -> tuple[Quality, Quality] | None:
        """Quality of vectors (K, D) on held-out points, uniform and near; None for a cloud, which has no inside."""
        if isinstance(self.field, PointCloud):
            return None
        field, device = self.field, self.device
        uniform, near = (
            quality(
                field, theta, points[f"held_out_{kind}"], points[f"held_out_{kind}_labels"], device, times=self.times
            )
            for kind in ("uniform", "near")
        )
        return uniform, near


def times_of(config: Config) -> torch.Tensor | None:
    """The time coordinate (T,) of each frame, None for still shapes."""
    times = frame_times(config.signal)
    return None if times is None else torch.from_numpy(times)


def stack(rows: list[dict[str, Any]], name: str) -> torch.Tensor:
    """The rows' binary column as one tensor: (K, P, 3) uint16 of coded points, or (K, P/8) uint8 of packed labels."""
    if name.endswith("labels"):
        return torch.from_numpy(np.stack([np.frombuffer(row[name], np.uint8) for row in rows]))
    return torch.from_numpy(np.stack([np.frombuffer(row[name], np.uint16).reshape(-1, 3) for row in rows]))
