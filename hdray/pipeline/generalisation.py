"""How often a run's samples show the combination of parts that it withheld, and how well that can be told."""

from dataclasses import dataclass
from typing import Any

import torch

from hdray.config.tree import Config
from hdray.fields.kinds import kind_of
from hdray.metrics.chair_parts import shown_parts
from hdray.metrics.controls import control_set
from hdray.metrics.generalisation import Fits, Parts, Read, generalisation
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline.generate_stage import sample_ids
from hdray.pipeline.instances import Fitted, read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import Vectors, generated_shapes, real_shapes
from hdray.signals.chair_design import combination, parts_of

RECOGNISED = "recognised"
"""Name of the set of vectors whose fields' surfaces are read."""
MOST_READ = 512
"""Fitted fields whose surfaces are extracted and read, of training and of withheld chairs and of mixtures each: the first
in order of their ids, which are hashes. Half a percent of false positives is seen among so many."""


@dataclass(frozen=True)
class Recognised:
    """What is read beside the samples."""

    training: Fitted
    test: Fitted
    mixtures: Vectors
    """Averages of pairs of training vectors."""

    def vectors(self) -> Vectors:
        """All of them, whose fields must be extracted with all the points that are kept."""
        fits = [Vectors(some.ids, torch.from_numpy(some.theta)) for some in (self.training, self.test)]
        parts = [*fits, self.mixtures]
        return Vectors([name for part in parts for name in part.ids], torch.cat([part.theta for part in parts]))


def recognised(run: RunDirectory, config: Config, training: Fitted) -> Recognised:
    """What is read of a run with these training shapes."""
    first, test = (_first(fitted) for fitted in (training, read_fitted(run, ["test"])))
    return Recognised(first, test, mixtures(training, config))


def mixtures(training: Fitted, config: Config) -> Vectors:
    """Averages of training vectors, one for each of as many as are read; none where they mean nothing."""
    theta = torch.from_numpy(training.theta)
    if kind_of(config.field.kind).cloud or len(theta) < 2:  # points come in no order, so averages are of any two
        return Vectors([], theta[:0])
    return Vectors(*control_set("average", theta, training.ids, MOST_READ, config.seed))


def withheld_result(run: RunDirectory, config: Config, read: Recognised, surfaces: ShapeSet) -> dict[str, Any]:
    """The ids of samples that show the combination withheld, and hdray.metrics.generalisation of them.

    `surfaces`: of the fields of `read.vectors()`. All surface points that are kept are used, however many the metrics
    compare.
    """
    withheld = combination(config.inputs.withhold)
    generated, empties = generated_shapes(run, config, sample_ids(config))
    samples = dict(zip(generated.ids, shown_parts(generated.clouds), strict=True))
    training, test = (_fits(fitted, surfaces, config) for fitted in (read.training, read.test))
    sources = read_columns(run, ["source"])["source"].to_pylist()
    result = generalisation(
        withheld,
        samples=[*samples.values(), *[frozenset[str]()] * len(empties)],
        training=training,
        test=test,
        mixtures=shown(read.mixtures.ids, surfaces),
        population=[parts_of(config.seed, source) for source in sources],
    )
    return {
        **result,
        "points": config.signal.surface_points,
        "shown_by": [name for name, parts in samples.items() if withheld <= parts],
    }


def shown(names: list[str], surfaces: ShapeSet) -> list[Parts]:
    """What the fields of these names show; one without a surface shows nothing."""
    clouds = dict(zip(surfaces.names, surfaces.clouds, strict=True))
    solid = [name for name in names if name in clouds]
    found = dict(zip(solid, shown_parts(torch.stack([clouds[name] for name in solid])), strict=True)) if solid else {}
    return [found.get(name, frozenset()) for name in names]


def _fits(fitted: Fitted, surfaces: ShapeSet, config: Config) -> Fits:
    """The parts of chairs in truth, read off their fields' surfaces as samples' are, and off their own."""
    truth = [parts_of(config.seed, source) for source in fitted.sources]
    own = shown_parts(real_shapes(fitted, config).clouds)
    return Fits(Read(truth, shown(fitted.ids, surfaces)), Read(truth, own))


def _first(fitted: Fitted) -> Fitted:
    """The chairs that are read of these."""
    rows = slice(MOST_READ)
    return Fitted(fitted.ids[rows], fitted.sources[rows], fitted.theta[rows], fitted.surface[rows])
