"""The token transformer: its size, its start, and what may influence what."""

import math

import pytest
import torch

from hdray.config.presets import PRESETS
from hdray.fields.build import build_field
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import token_sizes
from hdray.generators.transformer import TokenTransformer, time_features

SIZES = (12, 4, 1)
SMALL = GeneratorSettings(width=16, layers=2, heads=4)


@pytest.fixture
def transformer() -> TokenTransformer:
    model = TokenTransformer(SIZES, SMALL)
    model.initialise(torch.Generator().manual_seed(0))
    return model


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("hyperdiffusion-code", 1_407_225_600),
        ("hyperdiffusion-paper", 1_407_225_600),
        ("hyperdiffusion-chair-code", 1_407_225_600),
        ("hyperdiffusion-car-code", 672_729_600),
        ("hyperdiffusion-4d-code", 408_332_160),
    ],
)
def test_the_published_sizes(preset: str, parameters: int) -> None:
    config = PRESETS[preset]()
    sizes = token_sizes(build_field(config.field, 1, config.signal.frames).layout)
    with torch.device("meta"):
        model = TokenTransformer(sizes, config.generator)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_the_start_has_zero_positions_and_biases_and_small_matrices(transformer: TokenTransformer) -> None:
    parameters = dict(transformer.named_parameters())
    assert not parameters["positions"].any()
    assert not parameters["blocks.0.expand.bias"].any()
    matrices = torch.cat([value.detach().flatten() for value in parameters.values() if value.dim() == 2])
    assert math.isclose(float(matrices[matrices != 0].std()), 0.02, rel_tol=0.05)
    assert not any(module.bias is not None for module in [*transformer.inputs, *transformer.outputs])


def test_rows_do_not_see_each_other_and_tokens_do(transformer: TokenTransformer) -> None:
    noisy, timestep = torch.randn(3, 17, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 5, 499])
    before = transformer(noisy, timestep)
    assert before.shape == (3, 17)
    noisy[1, 0] += 1.0
    after = transformer(noisy, timestep)
    changed = (before != after).any(dim=1)
    assert changed.tolist() == [False, True, False]
    # Attention carries a change of the first token into the outputs of the last.
    assert after[1, 16] != before[1, 16]


def test_gradients_reach_every_parameter(transformer: TokenTransformer) -> None:
    noisy = torch.randn(2, 17, generator=torch.Generator().manual_seed(1))
    transformer(noisy, torch.tensor([3, 400])).square().sum().backward()
    for name, parameter in transformer.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_time_features_are_sines_cosines_and_the_step() -> None:
    features = time_features(torch.tensor([0, 7]))
    assert features.shape == (2, 257)
    assert features[0].tolist() == [0.0] * 128 + [1.0] * 128 + [0.0]
    # The lowest frequency is 1 and the next 2^(20/127), by hand.
    expected = [math.sin(7), math.sin(7 * 2 ** (20 / 127)), math.cos(7), math.cos(7 * 2 ** (20 / 127)), 7.0]
    torch.testing.assert_close(features[1][[0, 1, 128, 129, 256]], torch.tensor(expected), atol=1e-5, rtol=0)
