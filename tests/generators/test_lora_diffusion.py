"""The generator of low-rank weights: what it learns, and what it is not for."""

from dataclasses import replace

import pytest
import torch

from hdray.fields.layout import linear_layout
from hdray.generators.build import build_generator
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.tokens import token_sizes
from hdray.generators.vector_training import VectorTraining
from tests.generators.low_rank import low_rank_layout

LAYOUT = low_rank_layout(2, 2, 4)
SETTINGS = GeneratorSettings(kind="lora-diffusion", width=32, layers=2, heads=4, predict="noise")


def two_shapes(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (count, D) about +c or -c, all entries of a vector with one sign; and c (D,)."""
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(LAYOUT.size, generator=generator).sign()
    sides = torch.randint(2, (count, 1), generator=generator) * 2 - 1
    return sides * centre + 0.1 * torch.randn(count, LAYOUT.size, generator=generator), centre


def samples_after_training(settings: GeneratorSettings, learning_rate: float, steps: int) -> torch.Tensor:
    """Entries of 24 samples (24, D) times those of c: about 1 throughout in one shape, about -1 in the other."""
    theta, centre = two_shapes(200)
    training = VectorTraining(theta, LAYOUT, settings, 0, None)
    optimiser = torch.optim.AdamW(training.module.parameters(), lr=learning_rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        optimiser.zero_grad()
        training.loss(training.batch(step, range(32), 32)).backward()
        optimiser.step()
        decay.step()
    ids = [str(index) for index in range(24)]
    return training.model.sample(ids, 0, GenerateSettings(steps=20, batch_size=24)) * centre


@pytest.mark.parametrize("kind", ["lora-diffusion", "hyperdiffusion"])
def test_training_finds_two_shapes_again(kind: str) -> None:
    """By the encoder, and without it (Table 5): a sample is one of the two in all its layers, and both come up."""
    made = samples_after_training(replace(SETTINGS, kind=kind, predict="x0"), 3e-3, 200)
    sides = made.mean(dim=1).sign()
    # 0.1 is the spread of the data; a sample with one of its four pairs of the other shape would be at 0.8.
    assert float((made - sides[:, None]).square().mean(dim=1).sqrt().max()) < 0.3
    assert 4 <= int((sides > 0).sum()) <= 20


def test_training_to_predict_noise_finds_their_direction() -> None:
    """As published; slower than the clean vector at so few entries. A random direction of 48 has a cosine of 0.12."""
    made = samples_after_training(SETTINGS, 1e-2, 250)
    cosines = made.sum(dim=1) / (made.norm(dim=1) * LAYOUT.size**0.5)
    assert float(cosines.abs().median()) > 0.4
    assert 4 <= int((cosines > 0).sum()) <= 20


def test_without_the_encoder_each_matrix_is_a_token_of_hyperdiffusion() -> None:
    """The baseline of the paper's Table 5 is that kind, on the same layout: Fourier weight and bias, then a, b, a, b, ..."""
    assert token_sizes(LAYOUT) == (12, 4) + 2 * (8, 8)
    model = build_generator(LAYOUT, replace(SETTINGS, kind="hyperdiffusion"))
    assert model.network.token_sizes == token_sizes(LAYOUT)
    with torch.device("meta"):
        published = build_generator(low_rank_layout(9, 3, 512), GeneratorSettings(predict="noise"))
    assert sum(parameter.numel() for parameter in published.network.parameters()) == 1_366_704_000


def test_weights_of_an_mlp_have_no_pairs() -> None:
    with pytest.raises(ValueError, match="lora-diffusion needs pairs"):
        build_generator(linear_layout([3, 6, 1]), SETTINGS)
