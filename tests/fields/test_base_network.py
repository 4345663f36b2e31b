"""The modulated base network against its formulas, one instance and one entry at a time."""

import pytest
import torch

from hdray.fields.base_network import BaseNetwork
from hdray.fields.settings import FieldSettings

SETTINGS = FieldSettings(width=12, blocks=2, latent=5, mapping_layers=3, mapping_width=7, omega=3.0)


def network(settings: FieldSettings = SETTINGS, dimension: int = 3, channels: int = 1) -> BaseNetwork:
    base = BaseNetwork(settings, dimension, channels)
    base.initialise(torch.Generator().manual_seed(0))
    return base


def by_hand(base: BaseNetwork, latent: torch.Tensor, coords: torch.Tensor, omega: float) -> torch.Tensor:
    """Logits (P, c) of one code (Z,) at coords (P, d), in float64, from section 8.2 of the paper."""
    weights = {name: tensor.double() for name, tensor in base.state_dict().items()}
    style = latent.double()
    for layer in range(3):
        style = (weights[f"mapping.{layer}.weight"] @ style + weights[f"mapping.{layer}.bias"]).relu()

    def modulated(layer: int, features: torch.Tensor) -> torch.Tensor:
        part = f"layers.{layer}"
        scales = weights[f"{part}.affine.weight"] @ style + weights[f"{part}.affine.bias"]
        matrix = weights[f"{part}.weight"] @ torch.diag(scales)
        rows = [row / (row.square().sum() + 1e-8).sqrt() for row in matrix]
        return (features @ torch.stack(rows).T + weights[f"{part}.bias"]).relu()

    hidden = torch.sin(omega * (coords.double() @ weights["fourier.weight"].T + weights["fourier.bias"]))
    hidden = modulated(0, hidden)
    hidden = hidden + modulated(2, modulated(1, hidden))
    hidden = hidden + modulated(4, modulated(3, hidden))
    return hidden @ weights["output.weight"].T + weights["output.bias"]


@pytest.mark.parametrize(("dimension", "channels"), [(3, 1), (2, 3)])
def test_forward_is_the_papers(dimension: int, channels: int) -> None:
    base = network(dimension=dimension, channels=channels)
    with torch.no_grad():
        for layer in base.layers:
            layer.get_parameter("bias").uniform_(-0.5, 0.5)
    latent, coords = torch.randn(4, 5), torch.rand(4, 30, dimension) - 0.5
    got = base(latent, coords)
    for row in range(4):
        expected = by_hand(base, latent[row], coords[row], 3.0)
        torch.testing.assert_close(got[row].double(), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            got[row], base(latent[row : row + 1], coords[row : row + 1])[0], rtol=1e-5, atol=1e-5
        )


def test_codes_make_a_difference_from_the_start_and_rows_have_length_one() -> None:
    base = network()
    latent = torch.randn(2, 5)
    weights = base.weights(latent)
    assert weights.shape == (2, 5, 12, 12)
    torch.testing.assert_close(weights.norm(dim=-1), torch.ones(2, 5, 12))
    assert (weights[0] - weights[1]).abs().max() > 0.01


def test_initialise_depends_on_the_generator_alone_and_fills_everything() -> None:
    torch.manual_seed(1)
    first = network().state_dict()
    torch.manual_seed(2)
    second = network().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(tensor.isfinite().all() for tensor in first.values())


def test_every_parameter_learns() -> None:
    base = network()
    base(torch.randn(3, 5), torch.rand(3, 40, 3)).square().mean().backward()
    for name, parameter in base.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@torch.no_grad()
@pytest.mark.parametrize("autocast", [False, True])
def test_bf16_rounds_products_but_not_coordinates(autocast: bool) -> None:
    """Coordinates that bf16 cannot tell apart still get different logits."""
    base = network(FieldSettings(width=64, blocks=2, omega=30.0))
    latent = torch.zeros(1, 128)
    coords = torch.tensor([[[0.4, 0.4, 0.4], [0.4005, 0.4005, 0.4005]]])
    assert torch.equal(coords[0, 0].bfloat16(), coords[0, 1].bfloat16())
    exact = base(latent, coords)
    if not autocast:
        base.to(torch.bfloat16)
        latent = latent.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        got = base(latent, coords)
    assert got.dtype == torch.float32 and not torch.equal(got, exact)
    assert abs(float(got[0, 0] - got[0, 1])) > 0.25 * abs(float(exact[0, 0] - exact[0, 1])) > 1e-3
