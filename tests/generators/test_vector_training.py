"""The trainee of HyperDiffusion: its batches, and that training on them finds the vectors again."""

import pytest
import torch
from torch import Tensor

from hdray.fields.layout import linear_layout
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.vector_training import VectorTraining
from hdray.seeds import torch_stream

LAYOUT = linear_layout([3, 6, 1])
SETTINGS = GeneratorSettings(width=32, layers=2, heads=4)


def vectors(count: int) -> Tensor:
    return torch.randn(count, LAYOUT.size, generator=torch_stream(0, "vectors"))


def trainee(count: int, seed: int = 0) -> VectorTraining:
    return VectorTraining(vectors(count), LAYOUT, SETTINGS, seed, None)


def test_a_worker_s_rows_are_those_of_the_whole_batch() -> None:
    whole = trainee(5).batch(7, range(8), 8)
    other = trainee(5)
    other.batch(3, range(8), 8)  # what was drawn before is nothing to a step
    halves = [other.batch(7, range(4), 8), other.batch(7, range(4, 8), 8)]
    for name, values in whole.items():
        assert torch.equal(torch.cat([half[name] for half in halves]), values), name


def test_steps_and_seeds_draw_differently() -> None:
    first = trainee(5).batch(0, range(4), 4)["noise"]
    assert not torch.equal(first, trainee(5).batch(1, range(4), 4)["noise"])
    assert not torch.equal(first, trainee(5, seed=1).batch(0, range(4), 4)["noise"])


def test_every_vector_comes_once_an_epoch() -> None:
    """Batches of 4 over 6 vectors: three steps are two epochs."""
    training = trainee(6)
    drawn = torch.cat([training.batch(step, range(4), 4)["vectors"] for step in range(3)])
    picks = torch.cdist(drawn, training.vectors).argmin(dim=1).tolist()
    assert sorted(picks[:6]) == sorted(picks[6:]) == list(range(6))
    assert picks[:6] != picks[6:]


def test_noise_and_steps_are_spread_as_they_should_be() -> None:
    batch = trainee(5).batch(0, range(512), 512)
    assert abs(float(batch["noise"].mean())) < 0.02 and abs(float(batch["noise"].std()) - 1) < 0.02
    assert batch["timestep"].min() < 50 and batch["timestep"].max() > 450
    assert abs(float(batch["timestep"].float().mean()) - 249.5) < 30


def test_training_finds_two_vectors_again() -> None:
    """A small network on two vectors: samples are those vectors, and both come up."""
    theta = vectors(2)
    training = VectorTraining(theta, LAYOUT, SETTINGS, 0, None)
    optimiser = torch.optim.AdamW(training.module.parameters(), lr=2e-3)
    for step in range(300):
        optimiser.zero_grad()
        training.loss(training.batch(step, range(16), 16)).backward()
        optimiser.step()
    samples = training.model.sample([str(index) for index in range(16)], 0, GenerateSettings(steps=25))
    distances = torch.cdist(samples, theta)
    nearest = distances.min(dim=1)
    assert float(nearest.values.median()) < 0.1 * float(torch.dist(theta[0], theta[1]))
    assert set(nearest.indices.tolist()) == {0, 1}


def test_the_export_is_the_model_s_state() -> None:
    training = trainee(5)
    weights = {name: value + 1 for name, value in training.module.state_dict().items()}
    exported = training.export(weights)
    assert set(exported) == set(training.model.state_dict())
    training.model.load_state_dict(exported)
    assert torch.equal(training.model.scale, exported["scale"])
    assert torch.equal(training.module.state_dict()["positions"], weights["positions"])


@pytest.mark.parametrize("theta", [torch.zeros(0, LAYOUT.size), torch.full((2, LAYOUT.size), torch.nan)])
def test_tables_that_cannot_be_trained_on_are_refused(theta: Tensor) -> None:
    with pytest.raises(ValueError, match="vectors to train on"):
        VectorTraining(theta, LAYOUT, SETTINGS, 0, None)
