"""The point-cloud baseline as a generator: what it learns, and what it is not for."""

import pytest
import torch

from hdray.fields.cloud import PointCloud
from hdray.fields.layout import linear_layout
from hdray.generators.build import build_generator
from hdray.generators.point_diffusion import PointDiffusion
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.vector_training import VectorTraining

CLOUD = PointCloud(32)
SETTINGS = GeneratorSettings(kind="point-diffusion", width=32, layers=2, heads=4, normalisation="scalar", delta=False)


def bars() -> torch.Tensor:
    """Two clouds (2, D): a bar along x and a bar along y, a twentieth as thick as long."""
    points = torch.rand(2, 32, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    return (points * torch.tensor([[[1.0, 0.05, 0.05]], [[0.05, 1.0, 0.05]]])).flatten(1)


def test_training_finds_two_bars_again() -> None:
    """Samples lie along x or along y, each of them along one of the two; and both come up."""
    training = VectorTraining(bars(), CLOUD.layout, SETTINGS, 0, torch.zeros(96))
    assert isinstance(training.model, PointDiffusion)
    optimiser = torch.optim.AdamW(training.module.parameters(), lr=3e-3)
    for step in range(200):
        optimiser.zero_grad()
        training.loss(training.batch(step, range(8), 8)).backward()
        optimiser.step()
    samples = training.model.sample([str(index) for index in range(12)], 0, GenerateSettings(steps=20, batch_size=12))
    spread = CLOUD.points(samples).std(dim=1)  # (12, 3); 0.29 along a bar and 0 across it
    longest = spread.amax(dim=1)
    others = spread.sum(dim=1) - longest
    assert float((others / longest).median()) < 0.4
    assert set(spread.argmax(dim=1).tolist()) == {0, 1}


def test_weights_of_an_mlp_are_no_cloud() -> None:
    with pytest.raises(ValueError, match=r"one piece, \(P, 3\)"):
        build_generator(linear_layout([3, 6, 1]), SETTINGS)
