"""Sampling: every sample belongs to its seed and id, whatever it is sampled with."""

from dataclasses import replace

import pytest
import torch

from hdray.fields.layout import linear_layout
from hdray.generators.hyperdiffusion import HyperDiffusion
from hdray.generators.normaliser import Normaliser
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.seeds import torch_stream

LAYOUT = linear_layout([27, 32, 32, 1])
SETTINGS = GeneratorSettings(width=48, layers=2, heads=4, timesteps=20)
IDS = [f"sample-{index}" for index in range(7)]


@pytest.fixture
def model() -> HyperDiffusion:
    model = HyperDiffusion(LAYOUT, SETTINGS)
    model.transformer.initialise(torch_stream(0, "weights"))
    theta = torch.randn(9, LAYOUT.size, generator=torch_stream(0, "theta"))
    model.normaliser = Normaliser.fit(theta, model.sizes, "dimension", None)
    return model


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_chunks_do_not_matter_bit_for_bit(model: HyperDiffusion, sampler: str) -> None:
    settings = GenerateSettings(sampler=sampler, steps=6, batch_size=4)
    together = model.sample(IDS, 3, settings)
    assert together.shape == (7, LAYOUT.size) and together.dtype == torch.float32
    alone = torch.cat([model.sample([instance], 3, settings) for instance in IDS])
    reversed_pairs = torch.cat([model.sample(IDS[::-1][first : first + 2], 3, settings) for first in range(0, 7, 2)])
    assert torch.equal(together, alone)
    assert torch.equal(together, reversed_pairs.flip(0))
    # Another batch size rounds differently, no more.
    torch.testing.assert_close(model.sample(IDS, 3, replace(settings, batch_size=7)), together, atol=1e-3, rtol=1e-3)


def test_seeds_and_ids_make_samples_differ(model: HyperDiffusion) -> None:
    settings = GenerateSettings(steps=3, batch_size=4)
    samples = [*model.sample(IDS[:2], 0, settings), *model.sample(IDS[:1], 1, settings)]
    distances = [float((a - b).abs().max()) for a in samples for b in samples if a is not b]
    assert min(distances) > 1e-3


def test_no_ids_no_samples(model: HyperDiffusion) -> None:
    assert model.sample([], 0, GenerateSettings()).shape == (0, LAYOUT.size)


def test_a_trajectory_ends_at_the_sample(model: HyperDiffusion) -> None:
    settings = GenerateSettings(steps=10, batch_size=4)
    trajectory = model.trajectory("sample-2", 3, settings, 4)
    assert trajectory.shape == (4, LAYOUT.size)
    assert torch.equal(trajectory[-1], model.sample(["sample-2"], 3, settings)[0])
    assert len(model.trajectory("sample-2", 3, settings, 100)) == 10


def test_a_saved_model_samples_the_same(model: HyperDiffusion) -> None:
    other = HyperDiffusion(LAYOUT, SETTINGS)
    other.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    settings = GenerateSettings(steps=3, batch_size=4)
    assert torch.equal(other.sample(IDS, 0, settings), model.sample(IDS, 0, settings))
