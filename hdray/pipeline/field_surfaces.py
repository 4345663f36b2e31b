"""Fields by points on their surfaces, extracted exactly as generated shapes are, as sets that a protocol compares."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from hdray.config.tree import Config
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import Collector, ShapeSet
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.extracted import extracted
from hdray.pipeline.run_directory import content_hash
from hdray.pipeline.shapes import Vectors, layout_of

Draw = tuple[str, str]
"""A set's name and, in it, the id of a vector: what points are drawn for."""


def field_surfaces(
    sets: Mapping[str, Vectors],
    config: Config,
    protocol: Protocol,
    resources: Resources,
    clock: Clock,
    whole: Collection[str] = (),
) -> dict[str, ShapeSet]:
    """Each set by points on its fields' surfaces; a field without one is an exclusion with its reason.

    Equal vectors are extracted once, whatever sets they are in; their points are drawn for each (set, id). Sets named in
    `whole` keep all of them, however many the protocol compares.
    """
    vectors, draws = _distinct(sets)
    names = [[f"{kind} {name}" for kind, name in wanted] for wanted in draws]
    collectors = {
        kind: Collector(replace(protocol, points=0) if kind in whole else protocol, config.seed) for kind in sets
    }
    theta = np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
    for row, clouds in extracted(theta, names, config, resources, clock):
        for index, (kind, name) in enumerate(draws[row]):
            if isinstance(clouds, str):
                collectors[kind].exclude(name, clouds)
            else:
                collectors[kind].add(name, partial(clouds[index].reshape, layout_of(config)))
    return {kind: collector.done() for kind, collector in collectors.items()}


def _distinct(sets: Mapping[str, Vectors]) -> tuple[list[np.ndarray], list[list[Draw]]]:
    """The different vectors of all sets, and for each the draws of points on its surface."""
    rows: dict[str, int] = {}
    vectors: list[np.ndarray] = []
    draws: list[list[Draw]] = []
    for kind, members in sets.items():
        for name, vector in zip(members.ids, members.theta.numpy(), strict=True):
            row = rows.setdefault(content_hash(vector.tobytes()), len(vectors))
            if row == len(vectors):
                vectors.append(vector)
                draws.append([])
            draws[row].append((kind, name))
    return vectors, draws
