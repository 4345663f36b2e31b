"""Generated against held-out shapes under a stated protocol, and the audit: does the generator generate or memorise?"""

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.distinct import KEPT_SHARE
from hdray.metrics.distribution import remark
from hdray.metrics.evaluation import evaluate
from hdray.metrics.generalisation import headline, verdict
from hdray.metrics.novelty import Novelty, nearest, noise_baseline, novelty, weight_distances
from hdray.metrics.temporal import chamfer_distances, normalised, steps
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.control_rows import control_rows
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.generalisation import withheld_result
from hdray.pipeline.generate_stage import STAGE as GENERATE_STAGE
from hdray.pipeline.generate_stage import generate_keys, sample_ids, samples_table
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import counts
from hdray.pipeline.reconstruction import reconstruction
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.shapes import (
    SPLITS,
    Shapes,
    compared_samples,
    generated_shapes,
    one_body_share,
    reference_shapes,
    shapes_of,
    training_shapes,
)
from hdray.pipeline.train_stage import generator_cost

STAGE = "evaluate"


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
    if config.evaluate.controls:
        rows = control_rows(run, config, resources)
        evaluation["controls"] = {kind: finite(metrics) for kind, metrics in rows.items()}
    if config.inputs.withhold:
        evaluation["withheld"] = withheld_result(run, config, resources)
        evaluation["metrics"].update(headline(evaluation["withheld"]))
    run.write_json(evaluation, "evaluations", f"{config.preset}.json")
    kept = ("metrics", "protocol", "counts", "cost", "withheld")
    run.write_json({name: evaluation[name] for name in kept if name in evaluation}, "metrics.json")
    run.finish(STAGE, time.monotonic() - begin)
    print(", ".join(f"{name}: {value:,.10g}" for name, value in evaluation["cost"].items()))
    for name, value in evaluation["metrics"].items():
        print(f"{name}: {'undefined' if value is None else format(value, '.4g') + remark(name, value)}")
    if "withheld" in evaluation:
        print(verdict(evaluation["withheld"]))


def _evaluate(run_url: str, config: Config) -> dict[str, Any]:
    """The whole evaluation as plain numbers; runs in one Ray task, on a GPU if there is one."""
    use_threads(0)
    run, settings = RunDirectory(run_url), config.evaluate
    device = "cuda" if torch.cuda.is_available() else "cpu"
    references, training = reference_shapes(run, config), training_shapes(run, config)
    names = compared_samples(run, config, len(references.ids), device)
    generated, empties = generated_shapes(run, config, names)
    metrics, protocol = evaluate(generated.clouds, references.clouds, empties, settings, device)
    metrics["one_body"] = one_body_share(run, names)
    metrics |= reconstruction([references, training], config)
    if config.signal.frames:
        metrics |= _motion(generated, references, settings.squared)
    count = max(1, min(len(generated.ids) + empties, len(training.ids)))
    noise, _ = shapes_of(
        *noise_baseline(training.theta, training.ids, count, settings.noise, config.seed), config, "noise"
    )

    def to_training(shapes: Shapes) -> dict[str, torch.Tensor]:
        """Distances (N, T) of shapes to the training shapes, in each space."""
        here, there = (normalised(some.clouds, settings.normalisation) for some in (shapes, training))
        found = {"chamfer": chamfer_distances(here, there, squared=settings.squared, device=device)}
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
            **_deduplicated(config, len(names)),
            "seed": config.seed,
            "sampler": config.generate.sampler,
            "sampling_steps": config.generate.steps,
            "resolution": config.generate.resolution,
            "level": config.generate.level,
            **({"grid": "HyperDiffusion's sheared one"} if config.generate.legacy_grid else {}),
            "noise_baseline": settings.noise,
        },
        "counts": {
            **counts(run, config.fit.minimum_near_iou),
            "generated": len(generated.ids) + empties,
            "empty": empties,
        },
        "cost": generator_cost(run, config),
        "audit": {
            one.space: {kind: _numbers(getattr(one, kind)) for kind in ("generated", "held_out", "noise")}
            for one in audit
        },
        "neighbours": neighbours(generated, training, distances["generated"], settings.neighbours),
    }


def _deduplicated(config: Config, kept: int) -> dict[str, str]:
    """What the protocol says of generated shapes that are not compared."""
    if not config.evaluate.deduplicate:
        return {}
    chosen = f"the {kept} of {config.generate.count} generated shapes whose nearest other one, in weights, is farthest"
    return {"deduplicated": f"{chosen}: at most {KEPT_SHARE} for each reference, as in HyperDiffusion's code"}


def _motion(generated: Shapes, references: Shapes, squared: bool) -> dict[str, float]:
    """How far animations move from frame to frame: means over generated and held-out ones, and the former over the latter.

    The ratio is NaN where held-out ones do not move.
    """
    made, real = (float(steps(some.clouds, squared=squared).mean()) for some in (generated, references))
    ratio = made / real if real > 0 else math.nan
    return {"frame_step_cd_generated": made, "frame_step_cd_held_out": real, "frame_step_ratio": ratio}


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
