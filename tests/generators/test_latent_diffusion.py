"""The generator of latents: two modes found again, and what it is not for."""

from dataclasses import replace

import pytest
import torch

from hdray.fields.layout import Layout, Piece, linear_layout
from hdray.generators.latent_diffusion import LatentDiffusion
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.vector_training import VectorTraining

LAYOUT = Layout((Piece("latent", 0, "latent", (12,), ("latent",), 0, 12),))
SETTINGS = GeneratorSettings(
    kind="latent-diffusion", width=64, layers=4, timesteps=1_000, noise_schedule="cosine", delta=False
)


def modes() -> torch.Tensor:
    """Two latents (2, H), on very different scales in their entries."""
    drawn = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    return drawn * torch.logspace(-3, 1, 12)


def test_training_finds_two_modes_again() -> None:
    """Each mode is a cloud of spread 0.05 about its latent, in units of each entry's spread; both come up."""
    centres = modes()
    scale = (centres[0] - centres[1]).abs() / 2
    noise = torch.randn(64, 12, generator=torch.Generator().manual_seed(1))
    theta = centres.repeat(32, 1) + 0.05 * scale * noise
    training = VectorTraining(theta, LAYOUT, replace(SETTINGS, timesteps=100), 0, None)
    assert isinstance(training.model, LatentDiffusion)
    optimiser = torch.optim.AdamW(training.module.parameters(), lr=2e-3)
    for step in range(250):
        optimiser.zero_grad()
        training.loss(training.batch(step, range(32), 32)).backward()
        optimiser.step()
    for sampler in ("ddim", "ddpm"):
        settings = GenerateSettings(sampler=sampler, steps=20, batch_size=32)
        samples = training.model.sample([str(index) for index in range(32)], 0, settings)
        distances = ((samples[:, None] - centres) / scale).square().mean(dim=2).sqrt()  # (32, 2); the modes are 2 apart
        assert float(distances.amin(dim=1).median()) < 0.2
        assert 0.1 < float(distances.argmin(dim=1).float().mean()) < 0.9
    exported = training.export({name: value + 1 for name, value in training.module.state_dict().items()})
    assert set(exported) == set(training.model.state_dict())


@pytest.mark.parametrize(
    "layout", [linear_layout([3, 6, 1]), Layout((Piece("grid", 0, "grid", (2, 2, 2), ("x", "y", "z"), 0, 8),))]
)
def test_other_vectors_are_no_latents(layout: Layout) -> None:
    with pytest.raises(ValueError, match="layout of one piece, a latent"):
        LatentDiffusion(layout, SETTINGS)
