"""Mixtures of training vectors, read as samples are: here of balls, whose averages are balls again."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GeneratorSettings
from hdray.pipeline import generalisation
from hdray.pipeline.cluster import Resources
from hdray.pipeline.instances import Fitted
from tests.pipeline.balls import ball, config

RADII = [0.1, 0.14, 0.22, 0.38]
NOTHING = -1000.0


def shown_size(clouds: torch.Tensor) -> list[frozenset[str]]:
    """Instead of the recogniser of parts: how large a ball is, in hundredths."""
    return [frozenset({f"{100 * float(radius):.0f}"}) for radius in clouds.norm(dim=2).mean(dim=1)]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done in this process."""
    monkeypatch.setattr(generalisation, "READ_TOGETHER", 3)
    monkeypatch.setattr(generalisation, "shown_parts", shown_size)
    monkeypatch.setattr(
        generalisation, "_in_tasks", lambda work, parts, *_: [result for part in parts for result in work(*part)]
    )


def mixed(theta: torch.Tensor, **overrides: object) -> list[frozenset[str]]:
    names = [f"{row:02d}" for row in range(len(theta))]
    fitted = Fitted(names, names, theta.numpy(), np.empty((len(theta), 0, 3), np.uint16))
    return generalisation._mixtures(fitted, replace(config(), **overrides), Resources(1, 1, 0))


@pytest.mark.usefixtures("here")
def test_every_vector_is_averaged_with_another() -> None:
    found = mixed(torch.stack([ball(radius) for radius in RADII]))
    assert len(found) == len(RADII)
    assert set(found) <= {frozenset({f"{50 * (a + b):.0f}"}) for a, b in combinations(RADII, 2)}


@pytest.mark.usefixtures("here")
def test_a_mixture_without_a_surface_shows_nothing() -> None:
    assert mixed(torch.stack([ball(), torch.full_like(ball(), NOTHING)])) == [frozenset(), frozenset()]


@pytest.mark.usefixtures("here")
def test_clouds_and_single_vectors_have_no_mixtures() -> None:
    assert mixed(ball()[None]) == []
    generator = GeneratorSettings(kind="point-diffusion", normalisation="scalar", width=64, heads=4)
    assert mixed(torch.zeros(3, 6), field=FieldSettings(kind="points"), generator=generator) == []
