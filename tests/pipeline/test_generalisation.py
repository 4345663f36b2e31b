"""Mixtures of training vectors, and what surfaces show: here of balls, whose averages are balls again."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GeneratorSettings
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline import generalisation
from hdray.pipeline.generalisation import Recognised, mixtures, shown
from hdray.pipeline.instances import Fitted
from tests.pipeline.balls import ball, config

RADII = [0.1, 0.14, 0.22, 0.38]


def fitted(theta: torch.Tensor, first: int = 0) -> Fitted:
    names = [f"{row:02d}" for row in range(first, first + len(theta))]
    return Fitted(names, names, theta.numpy(), np.empty((len(theta), 0, 3), np.uint16))


def test_every_vector_is_averaged_with_another() -> None:
    found = mixtures(fitted(torch.stack([ball(radius) for radius in RADII])), config())
    assert sorted(found.ids) == [f"average/{row:02d}" for row in range(4)]
    averages = {(a, b): ball((a + b) / 2) for a, b in combinations(RADII, 2)}
    for vector in found.theta:
        assert any(torch.allclose(vector, average, atol=1e-5) for average in averages.values())


def test_clouds_and_single_vectors_have_no_mixtures() -> None:
    assert mixtures(fitted(ball()[None]), config()).ids == []
    generator = GeneratorSettings(kind="point-diffusion", normalisation="scalar", width=64, heads=4)
    clouds = replace(config(), field=FieldSettings(kind="points"), generator=generator)
    assert mixtures(fitted(torch.zeros(3, 6)), clouds).ids == []


def test_all_that_is_read_is_extracted() -> None:
    training, test = fitted(torch.stack([ball(radius) for radius in RADII])), fitted(ball()[None], 4)
    read = Recognised(training, test, mixtures(training, config()))
    vectors = read.vectors()
    assert vectors.ids == [*training.ids, *test.ids, *read.mixtures.ids] and len(vectors.theta) == 9
    assert torch.equal(vectors.of(["04"])[0], ball())


def test_each_shows_its_own_and_one_without_a_surface_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the recogniser of parts: how large a ball is, in hundredths."""
    monkeypatch.setattr(
        generalisation,
        "shown_parts",
        lambda clouds: [frozenset({f"{100 * float(size):.0f}"}) for size in clouds.norm(dim=2).mean(dim=1)],
    )
    clouds = [size * torch.eye(3) for size in (0.1, 0.2, 0.3)]
    surfaces = ShapeSet(["a", "b", "c"], clouds, ["a", "b", "c"], {"none": "it is empty"})
    assert shown(["c", "none", "a"], surfaces) == [{"30"}, set(), {"10"}]
    assert shown(["none"], surfaces) == [set()]
