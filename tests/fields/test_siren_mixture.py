"""The mNIF field against the mixture it averages, plain SIRENs, and the paper's parameter counts."""

import math

import pytest
import torch
from torch import Tensor

from hdray.fields.mixture_bases import MixtureBases, latent_size, network_layout
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture

SMALL = FieldSettings(kind="mnif", width=8, layers=2, bases=5, context=6, siren_frequency=7.0)


def shared(settings: FieldSettings, dimension: int = 3, channels: int = 1) -> dict[str, Tensor]:
    """The parameters of drawn bases, in float64."""
    bases = MixtureBases(settings, dimension, channels).double()
    bases.initialise(torch.Generator().manual_seed(1))
    return {name: parameter.detach() for name, parameter in bases.named_parameters()}


def field(dimension: int = 3, channels: int = 1, **changes: object) -> SirenMixture:
    settings = FieldSettings(**{**vars(SMALL), **changes})
    return SirenMixture(settings, shared(settings, dimension, channels), dimension, channels)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mixture_of_functions(mixture: SirenMixture, theta: Tensor, coords: Tensor) -> Tensor:
    """Equation 6 as it stands: in every layer, each basis's own function of the hidden state, then their weighted sum."""
    settings, parts = mixture.settings, mixture.shared
    rows = []
    for latent, points in zip(theta, coords, strict=True):
        if settings.mixing == "latent":
            weights = (parts["projection.weight"] @ latent + parts["projection.bias"]).view(-1, settings.bases)
        else:
            weights = (1 / settings.bases + latent).view(-1, settings.bases).expand(settings.layers + 1, -1)
        hidden = 2 * points
        for layer in range(settings.layers + 1):
            weight, bias = parts[f"bases.{layer}.weight"], parts[f"bases.{layer}.bias"]
            mixed = sum(weights[layer, m] * (hidden @ weight[m].T + bias[m]) for m in range(settings.bases))
            assert isinstance(mixed, Tensor)
            last = layer == settings.layers
            hidden = mixed if last and settings.siren_output == "linear" else torch.sin(7.0 * mixed)
        rows.append(hidden)
    return torch.stack(rows)


@pytest.mark.parametrize("mixing", ["latent", "layers", "shared"])
@pytest.mark.parametrize(("output", "dimension", "channels"), [("sine", 3, 1), ("linear", 2, 3), ("linear", 4, 1)])
def test_the_mixture_of_functions_is_the_function_of_averaged_weights(
    mixing: str, output: str, dimension: int, channels: int
) -> None:
    """Equations 8 and 9, through all layers."""
    mixture = field(dimension, channels, mixing=mixing, siren_output=output)
    theta, coords = draw(3, mixture.layout.size), draw(3, 20, dimension, seed=2) / 4
    values = mixture.values(theta, coords)
    assert values.shape == (3, 20, channels)
    torch.testing.assert_close(values, mixture_of_functions(mixture, theta, coords), atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(mixture(theta, coords), 5 * values.float())


def test_the_zero_latent_is_the_plain_mean_of_the_bases() -> None:
    for mixing in ("latent", "layers", "shared"):
        mixture = field(mixing=mixing)
        start = mixture.initialise(torch.Generator())
        assert start.shape == (latent_size(mixture.settings),) and not start.any()
        torch.testing.assert_close(
            mixture.coefficients(start[None].double()), torch.full((1, 3, 5), 0.2, dtype=torch.float64)
        )
        for layer, (weight, bias) in enumerate(mixture.networks(start[None].double())):
            torch.testing.assert_close(weight[0], mixture.shared[f"bases.{layer}.weight"].mean(dim=0))
            torch.testing.assert_close(bias[0], mixture.shared[f"bases.{layer}.bias"].mean(dim=0))


def test_one_basis_is_a_siren() -> None:
    """Of one basis, coefficient 1: sines of 7 times a linear layer, over coordinates from -1 to 1."""
    mixture = field(bases=1, mixing="shared")
    layers: list[torch.nn.Module] = []
    for layer in range(3):
        linear = torch.nn.Linear(1, 1).double()
        linear.weight = torch.nn.Parameter(mixture.shared[f"bases.{layer}.weight"][0])
        linear.bias = torch.nn.Parameter(mixture.shared[f"bases.{layer}.bias"][0])
        layers.append(linear)
    hidden = coords = draw(1, 30, 3)
    for linear in layers:
        hidden = torch.sin(7 * linear(hidden))
    torch.testing.assert_close(mixture.values(torch.zeros(1, 1).double(), coords / 2), hidden.detach())


def test_k_instances_at_once_are_k_one_by_one() -> None:
    mixture = field()
    theta, coords = draw(4, 6), draw(4, 10, 3, seed=2)
    alone = [mixture.values(theta[row : row + 1], coords[row : row + 1]) for row in range(4)]
    torch.testing.assert_close(mixture.values(theta, coords), torch.cat(alone))


def test_bf16_is_close() -> None:
    settings = FieldSettings(kind="mnif", width=32, layers=3, bases=4, context=6)
    mixture = SirenMixture(settings, {name: value.float() for name, value in shared(settings).items()})
    theta, coords = draw(1, 6).float() * 0.1, draw(1, 200, 3, seed=2).float() / 6
    exact, rounded = mixture.values(theta, coords), mixture.values(theta, coords, "bf16")
    assert not torch.equal(exact, rounded.float())
    torch.testing.assert_close(exact, rounded.float(), rtol=0, atol=0.1)


def test_bases_are_drawn_as_sirens_are() -> None:
    settings = FieldSettings(kind="mnif", width=64, layers=2, bases=20, context=16)
    parts = shared(settings)
    bounds = {0: 1 / 3, 1: math.sqrt(6 / 64) / 30, 2: math.sqrt(6 / 64) / 30}
    for layer, bound in bounds.items():
        weight = parts[f"bases.{layer}.weight"]
        assert 0.98 * bound < float(weight.abs().max()) <= bound
        assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
        assert not torch.equal(weight[0], weight[1])
    assert float(parts["projection.weight"].abs().max()) <= 1 / 4
    assert torch.equal(parts["projection.bias"], torch.full((3 * 20,), 1 / 20, dtype=torch.float64))


IMAGE, VOXEL, SCENE = (2, 3), (3, 1), (3, 4)


@pytest.mark.parametrize(
    ("where", "signal", "hidden", "width", "bases", "context", "mixing", "inference", "learnable"),
    [
        ("Table 1, mNIF (L), 33.4 M and 83.3 K", IMAGE, 5, 128, 384, 512, "latent", 83_331, 33_378_048),
        ("Table 2, mNIF (L), 46.3 M and 83.3 K", VOXEL, 5, 128, 512, 1_024, "latent", 83_201, 46_272_512),
        ("Table 3, mNIF (S), 4.6 M and 17.2 K", SCENE, 4, 64, 256, 128, "latent", 17_156, 4_590_080),
        # Tables 1 and 2 repeat the 4.6 M and 17.2 K of Table 3, though their networks have fewer outputs (17.0 K). With the H of
        # appendix A.2 (1,024 and 512) the learnable ones would be 5.9 M and 5.1 M; with H = 128 they are 4.6 M and 4.5 M.
        ("Table 1, mNIF (S), 17.0 K", IMAGE, 4, 64, 256, 128, "latent", 17_027, 4_557_056),
        ("Table 2, mNIF (S), 17.0 K", VOXEL, 4, 64, 256, 128, "latent", 16_961, 4_540_160),
        ("Table 4 (a), shared, 557.2 K and 8.7 K", IMAGE, 2, 64, 64, 64, "shared", 8_707, 557_248),
        ("Table 4 (a), layer-specific, 557.2 K", IMAGE, 2, 64, 64, 256, "layers", 8_707, 557_248),
        ("Table 4 (a), latent, 623.0 K", IMAGE, 2, 64, 64, 256, "latent", 8_707, 623_040),
        ("Table 4 (b), 155.8 K", IMAGE, 2, 64, 16, 256, "latent", 8_707, 155_760),
        ("Table 4 (c), 23.2 M", IMAGE, 5, 128, 256, 1_024, "latent", 83_331, 23_169_536),
    ],
)
def test_published_parameter_counts(
    where: str,
    signal: tuple[int, int],
    hidden: int,
    width: int,
    bases: int,
    context: int,
    mixing: str,
    inference: int,
    learnable: int,
) -> None:
    """(L, W, M, H) of the paper; its L counts square matrices, one less than our hidden layers."""
    settings = FieldSettings(
        kind="mnif", layers=hidden + 1, width=width, bases=bases, context=context, mixing=mixing, siren_output="linear"
    )
    with torch.device("meta"):
        counted = sum(parameter.numel() for parameter in MixtureBases(settings, *signal).parameters())
    assert network_layout(settings, *signal).size == inference, where
    assert counted == learnable, where
    assert latent_size(settings) == context, where


def test_what_does_not_fit_is_named() -> None:
    parts = shared(SMALL)
    with pytest.raises(ValueError, match=r"theta has shape \(1, 5\); this field needs \(K, 6\)"):
        field()(torch.zeros(1, 5), torch.zeros(1, 2, 3))
    missing = {name: value for name, value in parts.items() if name != "projection.bias"}
    with pytest.raises(ValueError, match=r"projection\.bias .* is None; these settings need \(15,\)"):
        SirenMixture(SMALL, missing)
    with pytest.raises(ValueError, match=r"rates .* is \(5,\); these settings need \(6,\)"):
        SirenMixture(SMALL, {**parts, "rates": torch.zeros(5)})
    with pytest.raises(ValueError, match="field of 1 channel"):
        field(channels=3).gradient(1, 8, torch.zeros(2), "fp32", "cpu")
