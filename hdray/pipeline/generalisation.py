"""How often a run's samples show the combination of parts that it withheld, and how well that can be told."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.fields.kinds import kind_of
from hdray.metrics.chair_parts import shown_parts
from hdray.metrics.controls import control_set
from hdray.metrics.generalisation import Fits, Parts, Read, generalisation
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.generate_stage import sample_ids
from hdray.pipeline.instances import Fitted, read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import generated_shapes, real_shapes, shapes_of
from hdray.pipeline.training_rows import read_training
from hdray.signals.chair_design import combination, parts_of

MOST_READ = 512
"""Fitted fields whose surfaces are extracted and read, of training and of withheld chairs and of mixtures each: the first
in order of their ids, which are hashes. Half a percent of false positives is seen among so many."""
READ_TOGETHER = 16
"""Fields that one Ray task reads."""

Result = TypeVar("Result")


def withheld_result(run: RunDirectory, config: Config, resources: Resources) -> dict[str, Any]:
    """The ids of samples that show the combination withheld, and hdray.metrics.generalisation of them.

    All surface points that are kept are used, however many the metrics compare.
    """
    withheld = combination(config.inputs.withhold)
    generated, empties = generated_shapes(run, config, sample_ids(config))
    samples = dict(zip(generated.ids, shown_parts(generated.clouds), strict=True))
    fitted = read_training(run, config)
    training, test = (_read(some, config, resources) for some in (fitted, read_fitted(run, ["test"])))
    sources = read_columns(run, ["source"])["source"].to_pylist()
    result = generalisation(
        withheld,
        samples=[*samples.values(), *[frozenset[str]()] * len(empties)],
        training=_fits(training),
        test=_fits(test),
        mixtures=_mixtures(fitted, config, resources),
        population=[parts_of(config.seed, source) for source in sources],
    )
    return {
        **result,
        "points": config.signal.surface_points,
        "shown_by": [name for name, parts in samples.items() if withheld <= parts],
    }


@dataclass(frozen=True)
class _Row:
    """The parts of one fitted chair: in truth, read off its field's surface as a sample's are, and off its own surface."""

    truth: Parts
    field: Parts
    surface: Parts


def _fits(rows: list[_Row]) -> Fits:
    truth = [row.truth for row in rows]
    return Fits(Read(truth, [row.field for row in rows]), Read(truth, [row.surface for row in rows]))


def _read(fitted: Fitted, config: Config, resources: Resources) -> list[_Row]:
    """The first chairs of these."""
    parts = [
        Fitted(fitted.ids[block], fitted.sources[block], fitted.theta[block], fitted.surface[block])
        for block in _blocks(len(fitted.ids))
    ]
    return _in_tasks(_read_some, [(part, config) for part in parts], config, resources)


def _mixtures(training: Fitted, config: Config, resources: Resources) -> list[Parts]:
    """What averages of pairs of these vectors show, one for each of as many as are read; none where they mean nothing."""
    if kind_of(config.field.kind).cloud or len(training.ids) < 2:  # points come in no order, so averages are of any two
        return []
    names, theta = control_set("average", torch.from_numpy(training.theta), training.ids, MOST_READ, config.seed)
    parts = [(names[block], theta[block].numpy(), config) for block in _blocks(len(names))]
    return _in_tasks(_show_some, parts, config, resources)


def _blocks(count: int) -> list[slice]:
    """The first `count`, or MOST_READ, rows in parts for a task each."""
    last = min(count, MOST_READ)
    return [slice(start, min(start + READ_TOGETHER, last)) for start in range(0, last, READ_TOGETHER)]


def _in_tasks(
    work: Callable[..., list[Result]], parts: list[tuple[Any, ...]], config: Config, resources: Resources
) -> list[Result]:
    """All that work gives for each of these arguments, a Ray task each."""
    import ray

    task = ray.remote(work).options(num_cpus=config.execution.task_cpus, num_gpus=resources.gpus_per_actor)
    return [result for results in ray.get([task.remote(*part) for part in parts]) for result in results]


def _read_some(fitted: Fitted, config: Config) -> list[_Row]:
    """A row for each of these chairs."""
    fields = _show_some(fitted.ids, fitted.theta, config)
    surfaces = shown_parts(real_shapes(replace(fitted, theta=fitted.theta.copy()), config).clouds)
    return [
        _Row(parts_of(config.seed, source), field, surface)
        for source, field, surface in zip(fitted.sources, fields, surfaces, strict=True)
    ]


def _show_some(names: list[str], theta: np.ndarray, config: Config) -> list[Parts]:
    """What the fields of vectors (N, D) show; one without a surface shows nothing."""
    use_threads(config.execution.fitting_threads)
    vectors = torch.from_numpy(theta.copy())  # what Ray hands over is read-only
    extracted, _ = shapes_of(names, vectors, config, "recognised")
    shown = dict(zip(extracted.ids, shown_parts(extracted.clouds), strict=True))
    return [shown.get(name, frozenset()) for name in names]
