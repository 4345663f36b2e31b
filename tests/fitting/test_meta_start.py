"""The learned start: nearer to every shape than a draw, the same for the same seed."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.meta_start import meta_start
from hdray.fitting.point_set import PointSet
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings
from tests.fitting.shapes import ball, coded

FIELD = MLPField(MLPSettings(width=32, layers=2))
RADII = (0.2, 0.25, 0.3, 0.35, 0.4)
SETTINGS = FitSettings(batch_size=4, steps=10, points_per_step=512, precision="fp32", meta_rounds=8, meta_steps=20)


def balls(radii: Sequence[float], count: int) -> PointSet:
    points, labels = coded([ball(radius) for radius in radii], count)
    return PointSet([str(radius) for radius in radii], points.numpy(), labels.numpy())


def test_a_few_steps_from_a_learned_start_lead_further_than_from_a_draw() -> None:
    learned = meta_start(FIELD, balls(RADII, 4_000), SETTINGS, 0)
    unseen, unseen_labels = coded([ball(0.275), ball(0.325)], 4_000)
    reached = {}
    for name, start in (("learned", learned), ("drawn", random_start(FIELD, 0))):
        found = fit(FIELD, unseen, unseen_labels, start, SETTINGS, ["a", "b"], 1)
        reached[name] = quality(FIELD, found.theta, unseen, unseen_labels).bce.mean().item()
    assert reached["learned"] < 0.8 * reached["drawn"]


def test_a_learned_start_is_a_function_of_shapes_and_seed() -> None:
    points = balls(RADII[:2], 800)
    quick = replace(SETTINGS, meta_rounds=2, meta_steps=3)  # fewer shapes than a batch has
    start = meta_start(FIELD, points, quick, 0)
    assert start.shape == (FIELD.layout.size,)
    assert torch.equal(start, meta_start(FIELD, points, quick, 0))
    assert not torch.equal(start, meta_start(FIELD, points, quick, 1))
