"""Values and gradients of SIRENs against torch's own operations in float64."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from hdray.fields.siren_gradient import SirenGradient


def example(slots: int, dimension: int, width: int, layers: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    sizes = [dimension] + [width] * layers + [1]
    return [
        (
            torch.randn(slots, after, before, generator=generator) / before**0.5 / 4,
            torch.randn(slots, after, generator=generator) / 4,
        )
        for before, after in pairwise(sizes)
    ]


def plain(networks: list[tuple[Tensor, Tensor]], coords: Tensor, frequency: float, sine_output: bool) -> Tensor:
    """sin(omega (W x + b)), layer after layer: values (K, Q, 1)."""
    hidden = coords
    for layer, (weight, bias) in enumerate(networks):
        hidden = hidden @ weight.transpose(1, 2) + bias.unsqueeze(1)
        if layer < len(networks) - 1 or sine_output:
            hidden = torch.sin(frequency * hidden)
    return hidden


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("sine_output", [False, True])
@pytest.mark.parametrize(("dimension", "layers"), [(3, 1), (4, 3)])
def test_values_and_slopes_are_those_of_plain_operations(
    precision: str, sine_output: bool, dimension: int, layers: int
) -> None:
    networks = example(3, dimension, 16, layers)
    siren = SirenGradient(3, 64, dimension, 16, layers, 3.0, sine_output, precision, "cpu")
    generator = torch.Generator().manual_seed(1)
    exact = [(weight.double().requires_grad_(), bias.double().requires_grad_()) for weight, bias in networks]
    calls = [torch.rand(3, 64, dimension, generator=generator) - 0.5 for _ in range(2)]
    slopes = [torch.randn(3, 64, 1, generator=generator).double() for _ in range(2)]
    siren.load(networks)
    tolerance = {"fp32": 1e-4, "bf16": 0.05}[precision]
    total = torch.zeros((), dtype=torch.float64)
    for coords, slope in zip(calls, slopes, strict=True):
        expected = plain(exact, coords.double(), 3.0, sine_output)
        torch.testing.assert_close(siren.forward(coords).double(), expected.detach(), rtol=0, atol=tolerance)
        siren.backward(slope)
        total = total + (expected * slope).sum()
    found = [part for layer in siren.slopes() for part in layer]
    for got, slope in zip(found, torch.autograd.grad(total, [part for layer in exact for part in layer]), strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.double(), slope, rtol=0, atol=tolerance * float(slope.abs().max()))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_angles_of_many_turns_are_as_exact_as_those_of_one(precision: str) -> None:
    (weight, bias), *others = example(3, 3, 16, 2)
    networks = [(100 * weight, 100 * bias), *others]
    siren = SirenGradient(3, 256, 3, 16, 2, 3.0, True, precision, "cpu")
    coords = torch.rand(3, 256, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    exact = [(weight.double().requires_grad_(), bias.double().requires_grad_()) for weight, bias in networks]
    angles = 3 * 100 * (coords @ weight.transpose(1, 2) + bias.unsqueeze(1))
    assert float(angles.abs().max()) > 20 * 2 * math.pi
    expected = plain(exact, coords.double(), 3.0, True)
    siren.load(networks)
    tolerance = {"fp32": 1e-4, "bf16": 0.05}[precision]
    torch.testing.assert_close(siren.forward(coords).double(), expected.detach(), rtol=0, atol=tolerance)
    siren.backward(torch.ones(3, 256, 1))
    slopes = torch.autograd.grad(expected.sum(), [part for layer in exact for part in layer])
    for got, slope in zip([part for layer in siren.slopes() for part in layer], slopes, strict=True):
        torch.testing.assert_close(got.double(), slope, rtol=0, atol=tolerance * float(slope.abs().max()))


def test_new_networks_forget_the_slopes_of_the_last() -> None:
    networks = example(2, 3, 16, 2)
    siren = SirenGradient(2, 64, 3, 16, 2, 3.0, True, "fp32", "cpu")
    coords = torch.rand(2, 64, 3, generator=torch.Generator().manual_seed(2))
    found = []
    for _ in range(2):
        siren.load(networks)
        siren.forward(coords)
        siren.backward(torch.ones(2, 64, 1))
        found.append(siren.slopes())
    for (weight, bias), (again, bias_again) in zip(*found, strict=True):
        assert torch.equal(weight, again) and torch.equal(bias, bias_again)
