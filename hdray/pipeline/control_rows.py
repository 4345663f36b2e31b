"""The table that a generator's numbers are read against: sets of shapes whose worth is known, under the same protocol."""

from typing import Any

import torch

from hdray.config.tree import Config
from hdray.metrics.controls import KINDS, control_set
from hdray.metrics.distinct import kept_count
from hdray.metrics.evaluation import evaluate
from hdray.metrics.novelty import copying_z
from hdray.metrics.temporal import chamfer_distances, normalised
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import Shapes, reference_shapes, shapes_of, training_shapes

REAL = "real"
"""Training shapes by their own surfaces: what the best generator would score."""


def control_rows(run: RunDirectory, config: Config, resources: Resources) -> dict[str, dict[str, float]]:
    """Metrics {mmd_cd, cov_cd, nna_cd, nearest_chamfer, copying_z, empty} of each control, a Ray task each.

    Every control has as many shapes as are compared of the generated, or as there are to train on if those are fewer.
    """
    import ray

    cpus, gpus = config.execution.task_cpus, resources.gpus_per_actor
    task = ray.remote(control_row).options(num_cpus=cpus, num_gpus=gpus)
    # Points come in no order: the average of two clouds, or a Gaussian over them, means nothing.
    kinds = (REAL, "repeated") if config.field.kind == "points" else (REAL, *KINDS)
    return dict(zip(kinds, ray.get([task.remote(run.url, config, kind) for kind in kinds]), strict=True))


def control_row(run_url: str, config: Config, kind: str) -> dict[str, float]:
    """The metrics of one control."""
    use_threads(config.execution.fitting_threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run = RunDirectory(run_url)
    references, training = reference_shapes(run, config), training_shapes(run, config)
    count = (
        kept_count(config.generate.count, len(references.ids)) if config.evaluate.deduplicate else config.generate.count
    )
    shapes, empties = _control(kind, training, count, config)
    metrics, _ = evaluate(shapes.clouds, references.clouds, empties, config.evaluate, device)
    compared: dict[str, Any] = {"squared": config.evaluate.squared, "device": device}
    made, real, trained = (
        normalised(some.clouds, config.evaluate.normalisation) for some in (shapes, references, training)
    )
    if kind == REAL:  # a shape is no neighbour of its own
        distances = chamfer_distances(trained, **compared).fill_diagonal_(torch.inf)
        to_training = distances[[training.ids.index(name) for name in shapes.ids]].amin(dim=1)
    else:
        to_training = chamfer_distances(made, trained, **compared).amin(dim=1)
    held_out = chamfer_distances(real, trained, **compared).amin(dim=1)
    return {
        **metrics,
        "nearest_chamfer": float(to_training.median()) if len(to_training) else float("nan"),
        "copying_z": copying_z(to_training, held_out),
        "empty": empties,
    }


def _control(kind: str, training: Shapes, count: int, config: Config) -> tuple[Shapes, int]:
    if kind != REAL:
        return shapes_of(*control_set(kind, training.theta, training.ids, count, config.seed), config, "control")
    ids, _ = control_set("training", training.theta, training.ids, count, config.seed)
    rows = [training.ids.index(name.partition("/")[2]) for name in ids]
    return Shapes([training.ids[row] for row in rows], training.theta[rows], training.clouds[rows]), 0
