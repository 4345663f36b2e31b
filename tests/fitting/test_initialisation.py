"""The common start: the same for the same seed, and really fitted where it says so."""

import torch

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.initialisation import fitted_start, independent_starts, random_start
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings
from tests.fitting.shapes import ball, coded

FIELD = MLPField(MLPSettings(width=32, layers=2))


def test_random_start_depends_on_the_seed_only() -> None:
    assert torch.equal(random_start(FIELD, 4), random_start(FIELD, 4))
    assert not torch.equal(random_start(FIELD, 4), random_start(FIELD, 5))


def test_fitted_start_is_a_fit_whatever_the_batch_size() -> None:
    points, labels = coded([ball(0.35)], 4_000)
    settings = FitSettings(steps=150, points_per_step=512, precision="fp32")
    start = fitted_start(FIELD, points[0], labels[0], settings, "ball", 0)
    assert start.shape == (FIELD.layout.size,)
    assert quality(FIELD, start.unsqueeze(0), points, labels).iou.item() > 0.85
    other = FitSettings(steps=150, points_per_step=512, precision="fp32", batch_size=3)
    assert torch.equal(start, fitted_start(FIELD, points[0].numpy(), labels[0].numpy(), other, "ball", 0))


def test_independent_starts_are_draws_of_the_instances() -> None:
    starts = independent_starts(FIELD, ["a", "b", "c"], 4)
    assert starts.shape == (3, FIELD.layout.size)
    assert len(starts.unique(dim=0)) == 3
    assert torch.equal(starts[[2, 0]], independent_starts(FIELD, ["c", "a"], 4))
    assert not torch.equal(starts, independent_starts(FIELD, ["a", "b", "c"], 5))
