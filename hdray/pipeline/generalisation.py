"""How often a run's samples show the combination of parts that it withheld, and how well that can be told."""

from dataclasses import dataclass, replace
from typing import Any

from hdray.config.tree import Config
from hdray.metrics.chair_parts import shown_parts
from hdray.metrics.generalisation import Parts, Read, generalisation
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.generate_stage import sample_ids
from hdray.pipeline.instances import Fitted, read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import generated_shapes, real_shapes, shapes_of
from hdray.pipeline.training_rows import read_training
from hdray.signals.chair_design import combination, parts_of

MOST_READ = 512
"""Fitted fields whose surfaces are extracted and read, of training and of withheld chairs each: the first in order of
their ids, which are hashes. Half a percent of false positives is seen among so many."""
READ_TOGETHER = 16
"""Fields that one Ray task reads."""


def withheld_result(run: RunDirectory, config: Config, resources: Resources) -> dict[str, Any]:
    """The ids of samples that show the combination withheld, and hdray.metrics.generalisation of them.

    All surface points that are kept are used, however many the metrics compare.
    """
    withheld = combination(config.inputs.withhold)
    generated, empties = generated_shapes(run, config, sample_ids(config))
    samples = dict(zip(generated.ids, shown_parts(generated.clouds), strict=True))
    training = _read(read_training(run, config), config, resources)
    test = _read(read_fitted(run, ["test"]), config, resources)
    sources = read_columns(run, ["source"])["source"].to_pylist()
    result = generalisation(
        withheld,
        samples=[*samples.values(), *[frozenset[str]()] * len(empties)],
        training=Read([row.truth for row in training], [row.field for row in training]),
        test=Read([row.truth for row in test], [row.field for row in test]),
        surfaces=Read([row.truth for row in training + test], [row.surface for row in training + test]),
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


def _read(fitted: Fitted, config: Config, resources: Resources) -> list[_Row]:
    """The first chairs of these, a Ray task for every few."""
    import ray

    options = {"num_cpus": config.execution.task_cpus, "num_gpus": resources.gpus_per_actor}
    task = ray.remote(_read_some).options(**options)
    count = min(len(fitted.ids), MOST_READ)
    blocks = [slice(start, min(start + READ_TOGETHER, count)) for start in range(0, count, READ_TOGETHER)]
    parts = [
        Fitted(fitted.ids[block], fitted.sources[block], fitted.theta[block], fitted.surface[block]) for block in blocks
    ]
    return [row for rows in ray.get([task.remote(part, config) for part in parts]) for row in rows]


def _read_some(fitted: Fitted, config: Config) -> list[_Row]:
    """A row for each of these chairs; a field without a surface shows nothing."""
    use_threads(config.execution.fitting_threads)
    own = real_shapes(replace(fitted, theta=fitted.theta.copy()), config)  # what Ray hands over is read-only
    extracted, _ = shapes_of(own.ids, own.theta, config, "recognised")
    fields = dict(zip(extracted.ids, shown_parts(extracted.clouds), strict=True))
    return [
        _Row(parts_of(config.seed, source), fields.get(name, frozenset()), surface)
        for name, source, surface in zip(fitted.ids, fitted.sources, shown_parts(own.clouds), strict=True)
    ]
