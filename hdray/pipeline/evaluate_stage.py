"""Generated against held-out shapes under a stated protocol, and the audit: does the generator generate or memorise?"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.evaluation import evaluate
from hdray.metrics.normalise import normalise
from hdray.metrics.novelty import Novelty, nearest, noise_baseline, novelty, weight_distances
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.generate_stage import STAGE as GENERATE_STAGE
from hdray.pipeline.generate_stage import Extraction, generate_keys, sample_ids, samples_table
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import Fitted, counts, matrix, read_fitted
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.signals.points import decode
from hdray.surfaces.polygonise import EmptySurface

STAGE = "evaluate"
SPLITS = {"validation": ["validation"], "test": ["test"], "held-out": ["validation", "test"]}


def check_evaluate(run: RunDirectory, config: Config, alone: bool) -> None:
    """Raise UserError where this job does not generate shapes and some of those to measure are missing."""
    if alone:
        run.check(GENERATE_STAGE, generate_keys(config), {})
    if alone and (missing := len(set(sample_ids(config)) - samples_table(run).committed())):
        raise UserError(
            f"{run.url} lacks {missing} of the {config.generate.count} shapes to generate; run jobs/generate.py "
            f"--run {run.url} first, or ask for fewer with --generate.count"
        )


def check_references(inputs: list[Input], config: Config) -> None:
    """Raise UserError where the inputs leave nothing to compare generated shapes with."""
    split = config.evaluate.reference_split
    if not any(item.split in SPLITS[split] for item in inputs):
        raise UserError(
            f"none of the {len(inputs)} shapes is in the split that generated ones are compared with, {split}; give more "
            "shapes, larger --inputs.validation-share and --inputs.test-share, another --evaluate.reference-split, or "
            "an --inputs.split-file"
        )


def run_evaluate(run: RunDirectory, config: Config, resources: Resources) -> None:
    """Write evaluations/<preset>.json and metrics.json, unless they are of these samples and this protocol already."""
    import ray

    keys = {**flatten(config.evaluate), "seed": config.seed, "count": config.generate.count}
    keys.update(gate=config.fit.minimum_near_iou, preset=config.preset)
    fit, generate = (run.record(stage) or {} for stage in (FIT_STAGE, GENERATE_STAGE))
    made_from = json.dumps([generate.get("keys"), generate.get("inputs")], sort_keys=True)
    inputs = {"the table of instances": str(fit.get("output")), "the samples": content_hash(made_from)}
    made = run.record(STAGE)
    if made is not None and made["complete"] and made["keys"] == keys and made["inputs"] == inputs:
        return
    run.remove("stages", f"{STAGE}.json")
    run.begin(STAGE, keys, inputs, "evaluations")
    begin = time.monotonic()
    cpus, gpus = config.execution.task_cpus, resources.gpus_per_actor
    task = ray.remote(_evaluate).options(num_cpus=cpus, num_gpus=gpus)
    evaluation = ray.get(task.remote(run.url, config))
    run.write_json(evaluation, "evaluations", f"{config.preset}.json")
    run.write_json({name: evaluation[name] for name in ("metrics", "protocol", "counts")}, "metrics.json")
    run.finish(STAGE, time.monotonic() - begin)
    for name, value in evaluation["metrics"].items():
        print(f"{name}: {value if value is None else format(value, '.4g')}")


@dataclass(frozen=True)
class Shapes:
    """Some shapes: ids, vectors theta (N, D) and clouds (N, P, 3), float32."""

    ids: list[str]
    theta: torch.Tensor
    clouds: torch.Tensor


def _evaluate(run_url: str, config: Config) -> dict[str, Any]:
    """The whole evaluation as plain numbers; runs in one Ray task, on a GPU if there is one."""
    use_threads(0)
    run, settings = RunDirectory(run_url), config.evaluate
    device = "cuda" if torch.cuda.is_available() else "cpu"
    references = _shapes(read_fitted(run, SPLITS[settings.reference_split]), settings.points)
    training = _shapes(read_fitted(run, ["train"], config.fit.minimum_near_iou), settings.points)
    generated, empties = _generated(run, config)
    metrics, protocol = evaluate(generated.clouds, references.clouds, empties, settings, device)
    noise = _noisy_copies(training, config, max(1, min(len(generated.ids) + empties, len(training.ids))))

    def to_training(shapes: Shapes) -> dict[str, torch.Tensor]:
        """Distances (N, T) of shapes to the training shapes, in each space."""
        here, there = (normalise(some.clouds, settings.normalisation) for some in (shapes, training))
        found = {"chamfer": chamfer_matrix(here, there, squared=settings.squared, device=device)}
        if config.field.kind != "points":  # points come in no order: the same cloud may be far away as a vector
            found["weights"] = weight_distances(shapes.theta, training.theta, device)
        return found

    distances = {
        kind: to_training(shapes)
        for kind, shapes in {"generated": generated, "held_out": references, "noise": noise}.items()
    }
    audit = [
        novelty(space, *(distances[kind][space] for kind in ("generated", "held_out", "noise")))
        for space in ("weights", "chamfer")
        if space in distances["generated"]
    ]
    return {
        "metrics": finite({**metrics, **_audit_metrics(audit)}),
        "protocol": {
            **protocol,
            "seed": config.seed,
            "sampler": config.generate.sampler,
            "sampling_steps": config.generate.steps,
            "resolution": config.generate.resolution,
            "level": config.generate.level,
            "noise_baseline": settings.noise,
        },
        "counts": {
            **counts(run, config.fit.minimum_near_iou),
            "generated": len(generated.ids) + empties,
            "empty": empties,
        },
        "audit": {
            one.space: {kind: _numbers(getattr(one, kind)) for kind in ("generated", "held_out", "noise")}
            for one in audit
        },
        "neighbours": neighbours(generated, training, distances["generated"], settings.neighbours),
    }


def _shapes(fitted: Fitted, points: int) -> Shapes:
    """Real shapes by the points on their own surfaces."""
    clouds = decode(torch.from_numpy(fitted.surface[:, :points].astype(np.int32)))
    return Shapes(fitted.ids, torch.from_numpy(fitted.theta), clouds)


def _generated(run: RunDirectory, config: Config) -> tuple[Shapes, int]:
    """The generated shapes that have a surface, and how many have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = samples_table(run).read(["theta", "surface"])
    assert table is not None, "check_evaluate or run_generate saw to it"
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sample_ids(config))))
    solid = table.filter(pc.is_valid(table["surface"]))
    if not solid.num_rows:
        empty = torch.empty(0, config.evaluate.points, 3)
        return Shapes([], torch.empty(0, len(table["theta"][0].values)), empty), table.num_rows
    clouds = matrix(solid["surface"], np.float32).reshape(-1, config.signal.surface_points, 3)
    shapes = Shapes(
        solid["id"].to_pylist(),
        torch.from_numpy(matrix(solid["theta"], np.float32)),
        torch.from_numpy(clouds[:, : config.evaluate.points].copy()),
    )
    return shapes, table.num_rows - solid.num_rows


def _noisy_copies(training: Shapes, config: Config, count: int) -> Shapes:
    """Training vectors with noise, as what copying looks like; those whose surface is empty are left out."""
    ids, theta = noise_baseline(training.theta, training.ids, count, config.evaluate.noise, config.seed)
    extraction = Extraction(config)
    meshes = [(index, extraction.mesh(vector)) for index, vector in enumerate(theta)]
    solid = [(index, mesh) for index, mesh in meshes if not isinstance(mesh, EmptySurface)]
    rows = [index for index, _ in solid]
    clouds = [extraction.points(mesh, f"noise {ids[index]}") for index, mesh in solid]
    stacked = np.array(clouds, np.float32).reshape(-1, config.signal.surface_points, 3)
    return Shapes([ids[row] for row in rows], theta[rows], torch.from_numpy(stacked)[:, : config.evaluate.points])


def _audit_metrics(audit: Sequence[Novelty]) -> dict[str, float]:
    """The audit in numbers, such as nearest_chamfer_generated: the median distance to the nearest training shape."""
    return {f"nearest_{one.space}_{name}": value for one in audit for name, value in one.summary().items()}


def neighbours(
    generated: Shapes, training: Shapes, distances: dict[str, torch.Tensor], count: int
) -> dict[str, list[dict[str, Any]]]:
    """Per generated shape its nearest training shapes by Chamfer distance, then those in weights that are not among them.

    Each with both distances and both ranks, counted from 1.
    """
    order = {space: nearest(matrix_, len(training.ids)).indices for space, matrix_ in distances.items()}
    found: dict[str, list[dict[str, Any]]] = {}
    for row, name in enumerate(generated.ids):
        picks = [
            pick for space in ("chamfer", "weights") if space in order for pick in order[space][row, :count].tolist()
        ]
        found[name] = [
            {
                "id": training.ids[pick],
                **{space: float(distances[space][row, pick]) for space in distances},
                **{f"{space}_rank": order[space][row].tolist().index(pick) + 1 for space in distances},
            }
            for pick in dict.fromkeys(picks)
        ]
    return found


def _numbers(values: torch.Tensor) -> list[float]:
    return [float(value) for value in values]


def finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON has no infinity and no NaN: a metric that is undefined (all shapes empty, say) is null."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}
