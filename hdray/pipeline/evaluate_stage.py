"""Generated against held-out shapes under a named protocol, and the audit: does the generator generate or memorise?"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from hdray.config.measured import EVALUATION, evaluation_keys, measured
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.kinds import kind_of
from hdray.metrics.controls import NOISES
from hdray.metrics.generalisation import headline, verdict
from hdray.metrics.names import OF_CATEGORIES
from hdray.metrics.novelty import Novelty, novelty
from hdray.metrics.scoring import metric_line
from hdray.metrics.selection import draw_warnings, select
from hdray.metrics.shape_sets import ShapeSet
from hdray.metrics.temporal import steps
from hdray.pipeline.audit import Audit, neighbours
from hdray.pipeline.categories import categories_told
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.control_rows import Standard, chosen, control_kinds, control_rows, control_vectors
from hdray.pipeline.field_surfaces import field_surfaces
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.generalisation import RECOGNISED, recognised, withheld_result
from hdray.pipeline.generate_stage import STAGE as GENERATE_STAGE
from hdray.pipeline.generate_stage import generate_keys, sample_ids, samples_table
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import ACCEPTED, Fitted, counts, read_columns, read_fitted
from hdray.pipeline.reconstruction import DRAWS, OF_TRAINING, looked_at, reconstruction
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.run_protocol import HELD_OUT, TRAINING, check_numbers, described, evaluation_file, protocol_of
from hdray.pipeline.score import plain
from hdray.pipeline.scorer import Scorer
from hdray.pipeline.shapes import (
    SPLITS,
    Vectors,
    compared_samples,
    generated_shapes,
    one_body_share,
    own_surfaces,
    shape_set,
)
from hdray.pipeline.train_stage import generator_cost
from hdray.pipeline.training_rows import read_seen, read_training

GENERATED = "generated"
AUDITED = ("generated", "held_out", "noise")
"""The kinds of shapes whose distances to the training shapes are compared, as results name them."""


def check_evaluate(run: RunDirectory, config: Config, alone: bool) -> None:
    """Raise UserError where this job does not generate shapes and there are too few of those to measure."""
    if alone:
        run.check(GENERATE_STAGE, generate_keys(config), {})
    if alone and (missing := len(set(sample_ids(config)) - samples_table(run).committed())):
        raise UserError(
            f"{run.url} lacks {missing} of the {config.generate.count} shapes to generate; run jobs/generate.py "
            f"--run {run.url} first, or ask for fewer with --generate.count"
        )
    if alone:
        rows = read_columns(run, ["split", "status", "reason"]).to_pylist()
        fitted = [row["split"] for row in rows if row["status"] == ACCEPTED and row["reason"] is None]
        check_numbers(sum(split in SPLITS[config.evaluate.reference_split] for split in fitted), config)


def check_references(inputs: list[Input], config: Config) -> None:
    """Raise UserError where the inputs leave nothing to compare generated shapes with."""
    split = config.evaluate.reference_split
    references = sum(item.split in SPLITS[split] for item in inputs)
    if not references:
        raise UserError(
            f"none of the {len(inputs)} shapes is in the split that generated ones are compared with, {split}; give more "
            "shapes, larger --inputs.validation-share and --inputs.test-share, another --evaluate.reference-split, or "
            "an --inputs.split-file"
        )
    check_numbers(references, config)


def run_evaluate(run: RunDirectory, config: Config, resources: Resources) -> None:
    """Write evaluations/<protocol>.json and metrics.json, unless they are of these samples and this protocol already."""
    keys = evaluation_keys(config)
    fit, generate = (run.record(stage) or {} for stage in (FIT_STAGE, GENERATE_STAGE))
    made_from = json.dumps([generate.get("keys"), generate.get("inputs")], sort_keys=True)
    inputs = {"the table of instances": str(fit.get("output")), "the samples": content_hash(made_from)}
    made = run.record(EVALUATION)
    if made is not None and made["complete"] and made["keys"] == keys and made["inputs"] == inputs:
        return
    if made is None:
        run.begin(EVALUATION, keys, inputs, "evaluations")
    else:  # in one go: metrics.json is at no time without a record of how it was measured
        run.note(EVALUATION, keys=keys, inputs=inputs, complete=False, seconds=0.0)
    clock = Clock()
    evaluation = plain(evaluated(run, config, resources, clock))
    run.write_json(evaluation, *evaluation_file(config))
    kept = ("metrics", "intervals", "warnings", "protocol", "counts", "cost", "withheld")
    run.write_json({name: evaluation[name] for name in kept if name in evaluation}, "metrics.json")
    run.finish(EVALUATION, clock.seconds, uses=clock.uses)
    print(", ".join(f"{name}: {value:,.10g}" for name, value in evaluation["cost"].items()))
    print(f"protocol {evaluation['protocol']['name']}")
    for name, value in evaluation["metrics"].items():
        print(metric_line(name, value, evaluation["intervals"].get(name)))
    for sentence in evaluation["warnings"]:
        print(f"warning: {sentence}")
    if "withheld" in evaluation:
        print(verdict(evaluation["withheld"]))


def evaluated(run: RunDirectory, config: Config, resources: Resources, clock: Clock) -> dict[str, Any]:
    """The whole evaluation as plain numbers. Raises UserError where there are too few shapes for the protocol."""
    protocol, settings = protocol_of(config), config.evaluate
    held_out = read_fitted(run, SPLITS[settings.reference_split])
    has_field = not kind_of(config.field.kind).cloud  # a cloud is its own surface, and its points come in no order
    known = {row["id"]: row for row in read_columns(run, ["family", "near_iou", "category"]).to_pylist()}
    rebuilt, told = {}, None
    if has_field:
        seen = read_seen(run, config)
        rebuilt = {"": looked_at(held_out, config), OF_TRAINING: looked_at(seen, config)}
        if set(OF_CATEGORIES) <= set(measured(config)):
            labels = {one: row["category"] for one, row in known.items()}
            told = categories_told([seen, held_out], labels, config.seed)
        del seen  # of as many shapes as those read next
    fitted = read_training(run, config)
    names = _compared(run, config, len(held_out.ids), resources)
    samples, reasons = generated_shapes(run, config, names)
    generated = shape_set(samples, reasons, config, protocol)
    references = own_surfaces(held_out, held_out.ids, known, config, protocol)
    selection = select(generated, references, protocol, config.seed)
    scorer = Scorer(selection.reference, protocol, config.seed, resources)
    metrics, intervals = scorer.scores(selection)
    metrics["one_body"] = one_body_share(run, names)
    if config.signal.frames:
        metrics |= _motion(_stacked(generated), _stacked(references), protocol.squared)

    training = Vectors(fitted.ids, torch.from_numpy(fitted.theta))
    kinds = control_kinds(config, training) if settings.controls else ()
    noise = NOISES[0]
    sets = {kind: control_vectors(kind, training, selection, config) for kind in dict.fromkeys([noise, *kinds])}
    sets |= {TRAINING: training, HELD_OUT: _passing(held_out, known, config.fit.minimum_near_iou)}
    if has_field:
        theta = np.concatenate([shapes.theta for shapes in rebuilt.values()])
        both = Vectors([name for shapes in rebuilt.values() for name in shapes.ids], torch.from_numpy(theta))
        sets |= dict.fromkeys(DRAWS, both)
    read = recognised(run, config, fitted) if config.inputs.withhold else None
    if read:
        sets[RECOGNISED] = read.vectors()
    surfaces = field_surfaces(sets, config, protocol, resources, clock, whole=[RECOGNISED])
    for of, shapes in rebuilt.items():
        own = own_surfaces(shapes, shapes.ids, known, config, protocol)
        metrics |= reconstruction(shapes, own, [surfaces[name] for name in DRAWS], protocol.squared, of)
    warnings = draw_warnings(selection, protocol)
    if told:
        metrics |= told.metrics
        warnings += told.warnings
    audit = Audit(training, surfaces[TRAINING], protocol, resources)
    sets[GENERATED], surfaces[GENERATED] = Vectors(samples.ids, samples.theta), generated
    distances = {kind: audit.both(sets[kind], surfaces[kind], has_field) for kind in (GENERATED, HELD_OUT, noise)}
    found = [
        novelty(space, *(distances[kind][space] for kind in (GENERATED, HELD_OUT, noise)))
        for space in ("weights", "chamfer")
        if space in distances[GENERATED]
    ]
    result = {
        "metrics": {**metrics, **_audit_metrics(found)},
        "intervals": intervals,
        "warnings": warnings,
        "protocol": described(config, selection, generated, len(held_out.ids), surfaces),
        "counts": {
            **counts(run, config.fit.minimum_near_iou),
            "generated": len(names),
            "empty": len(generated.excluded),
        },
        "cost": generator_cost(run, config),
        "audit": {one.space: {kind: getattr(one, kind).tolist() for kind in AUDITED} for one in found},
        "neighbours": neighbours(generated.names, training.ids, distances[GENERATED], settings.neighbours),
    }
    if told and told.measured:
        result["categories"] = told.measured
    if kinds:
        standard = Standard(scorer, selection, audit, distances[HELD_OUT]["chamfer"].amin(dim=1))
        originals = chosen(training, selection, config)
        real = own_surfaces(fitted, originals, known, config, protocol)
        result["controls"] = control_rows(standard, real, originals, {kind: surfaces[kind] for kind in kinds})
    if read:
        withheld = withheld_result(run, config, read, surfaces[RECOGNISED])
        result |= {"withheld": withheld, "metrics": {**metrics, **_audit_metrics(found), **headline(withheld)}}
    return result


def _compared(run: RunDirectory, config: Config, references: int, resources: Resources) -> list[str]:
    """Names of the generated shapes that are compared; where they are chosen, in a Ray task, on a GPU if there is one."""
    import ray

    if not config.evaluate.deduplicate:
        return compared_samples(run, config, references)
    gpus = resources.gpus_per_actor
    task = ray.remote(compared_samples).options(num_cpus=0 if gpus else 1, num_gpus=gpus)
    names: list[str] = ray.get(task.remote(run, config, references))
    return names


def _passing(fitted: Fitted, known: Mapping[str, Mapping[str, Any]], gate: float) -> Vectors:
    """The shapes whose fits could be trained on: a bad one is far from all others, whatever the shape."""
    found = [known[name]["near_iou"] for name in fitted.ids]
    rows = [row for row, near_iou in enumerate(found) if near_iou is None or near_iou >= gate]
    return Vectors([fitted.ids[row] for row in rows], torch.from_numpy(fitted.theta[rows]))


def _stacked(shapes: ShapeSet) -> torch.Tensor:
    """Animations of one size, (N, T, P, 3)."""
    return torch.stack(shapes.clouds) if len(shapes) else torch.empty(0, 2, 2, 3)


def _motion(generated: torch.Tensor, references: torch.Tensor, squared: bool) -> dict[str, float]:
    """How far animations move from frame to frame: means over generated and held-out ones, and the former over the latter.

    The ratio is NaN where held-out ones do not move.
    """
    made, real = (float(steps(some, squared=squared).mean()) for some in (generated, references))
    ratio = made / real if real > 0 else math.nan
    return {"frame_step_cd_generated": made, "frame_step_cd_held_out": real, "frame_step_ratio": ratio}


def _audit_metrics(audit: Sequence[Novelty]) -> dict[str, float]:
    """The audit in numbers, such as nearest_chamfer_generated: the median distance to the nearest training shape."""
    return {f"nearest_{one.space}_{name}": value for one in audit for name, value in one.summary().items()}
