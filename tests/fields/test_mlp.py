"""The MLP field against a plain torch.nn.Sequential holding the same weights."""

import math
from itertools import pairwise

import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings


def plain_module(
    settings: MLPSettings, theta: torch.Tensor, dimension: int = 3, channels: int = 1
) -> torch.nn.Sequential:
    """The same network built by the book, over already encoded coordinates."""
    widths = [dimension * (1 + 2 * settings.frequencies)] + [settings.width] * settings.layers + [channels]
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1])
    vector_to_parameters(theta, module.parameters())
    return module


def plain_encoding(settings: MLPSettings, coords: torch.Tensor) -> torch.Tensor:
    parts = [coords]
    for octave in range(settings.frequencies):
        angles = settings.frequency_base * 2**octave * coords
        parts += [angles.sin(), angles.cos()]
    return torch.cat(parts, dim=-1)


SETTINGS = [
    MLPSettings(),
    MLPSettings(width=32, layers=2, frequencies=6, frequency_base=math.pi),
    MLPSettings(width=8, layers=1, frequencies=0),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("dimension", "channels"), [(3, 1), (2, 3)])
def test_forward_equals_a_plain_module(settings: MLPSettings, dimension: int, channels: int) -> None:
    field = MLPField(settings, dimension, channels)
    generator = torch.Generator().manual_seed(3)
    theta = torch.stack([field.initialise(generator) for _ in range(3)])
    coords = torch.rand(3, 50, dimension, generator=generator) - 0.5
    got = field(theta, coords)
    assert got.shape == (3, 50, channels)
    for row in range(3):
        module = plain_module(settings, theta[row], dimension, channels)
        torch.testing.assert_close(got[row], module(plain_encoding(settings, coords[row])), rtol=1e-5, atol=1e-6)


def test_bf16_is_close_and_still_float32_out() -> None:
    field = MLPField(MLPSettings())
    theta = field.initialise(torch.Generator().manual_seed(0)).unsqueeze(0)
    coords = torch.rand(1, 200, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    exact, rounded = field(theta, coords), field(theta, coords, "bf16")
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0, atol=0.01)


def test_differentiable_in_weights_and_coordinates() -> None:
    field = MLPField(MLPSettings(width=8, layers=2, frequencies=2))
    theta = torch.randn(2, field.layout.size, dtype=torch.float32, requires_grad=True)
    coords = torch.rand(2, 6, 3, requires_grad=True)
    field(theta, coords).sum().backward()
    assert theta.grad is not None
    assert theta.grad.abs().sum(dim=1).min() > 0
    assert coords.grad is not None
    assert coords.grad.abs().sum() > 0


def test_published_size() -> None:
    assert MLPField(MLPSettings()).layout.size == 36_737
    # 4D: time is a fourth coordinate.
    assert MLPField(MLPSettings(), dimension=4).layout.size == 37_889


def test_initialise_draws_as_linear_layers_do() -> None:
    field = MLPField(MLPSettings())
    theta = field.initialise(torch.Generator().manual_seed(0))
    again = field.initialise(torch.Generator().manual_seed(0))
    assert torch.equal(theta, again)
    torch.manual_seed(0)
    module = plain_module(field.settings, theta)
    for layer in module:
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    reference = field.layout.split(parameters_to_vector(module.parameters()).detach())
    for piece, ours, theirs in zip(field.layout, field.layout.split(theta), reference, strict=True):
        inputs = 27 if piece.layer == 0 else 128
        assert ours.abs().max() <= 1 / math.sqrt(inputs)
        if ours.numel() > 3_000:
            torch.testing.assert_close(ours.std(), theirs.std(), rtol=0.03, atol=0)


def test_wrong_shapes_are_named() -> None:
    field = MLPField(MLPSettings())
    with pytest.raises(ValueError, match=r"needs \(K, 36737\)"):
        field(torch.zeros(1, 5), torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match=r"needs \(1, P, 3\)"):
        field(torch.zeros(1, 36_737), torch.zeros(1, 2, 4))
    with pytest.raises(ValueError, match="field of 1 channel"):
        MLPField(MLPSettings(), channels=3).gradient(1, 8, torch.zeros(2), "fp32", "cpu")
