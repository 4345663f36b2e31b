"""The network over points: any order is as good as any other, and every point has the context of all."""

import pytest
import torch

from hdray.generators.point_transformer import PointTransformer
from hdray.generators.settings import GeneratorSettings

SETTINGS = GeneratorSettings(kind="point-diffusion", width=32, layers=2, heads=4)
STEPS = torch.tensor([0, 5, 499])


@pytest.fixture
def network() -> PointTransformer:
    """With every parameter drawn: the output starts as zero, which any order gives."""
    model = PointTransformer(SETTINGS)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model


def noisy() -> torch.Tensor:
    return torch.randn(3, 3 * 40, generator=torch.Generator().manual_seed(1))


def test_permuting_the_points_permutes_the_result(network: PointTransformer) -> None:
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    plain = network(noisy(), STEPS).view(3, 40, 3).detach()
    permuted = network(noisy().view(3, 40, 3)[:, order].flatten(1), STEPS).view(3, 40, 3)
    torch.testing.assert_close(permuted, plain[:, order], atol=1e-4, rtol=1e-4)
    assert float((plain - plain[:, order]).abs().median()) > 0.01, "points are told apart"


def test_points_see_each_other_and_clouds_do_not(network: PointTransformer) -> None:
    clouds = noisy()
    before = network(clouds, STEPS)
    clouds[1, 0] += 1.0
    changed = (network(clouds, STEPS) != before).view(3, 40, 3)
    assert changed[1].any(dim=1).all()
    assert not changed[0].any() and not changed[2].any()


def test_the_number_of_points_may_change(network: PointTransformer) -> None:
    """Twice every point is the same set: attention is a weighted mean."""
    twice = noisy().view(3, 40, 3).repeat(1, 2, 1).flatten(1)
    expected = network(noisy(), STEPS)
    torch.testing.assert_close(network(twice, STEPS)[:, :120], expected, atol=1e-4, rtol=1e-4)


def test_the_step_matters_and_gradients_reach_every_parameter(network: PointTransformer) -> None:
    assert not torch.allclose(network(noisy(), STEPS), network(noisy(), STEPS + 1), atol=1e-3)
    network(noisy(), STEPS).square().sum().backward()
    for name, parameter in network.named_parameters():
        if not name.endswith("key_value.bias"):  # half of it shifts all keys alike, which softmax does not see
            assert parameter.grad is not None and parameter.grad.any(), name


def test_it_starts_by_expecting_the_mean() -> None:
    model = PointTransformer(SETTINGS)
    model.initialise(torch.Generator().manual_seed(3))
    assert not model(noisy(), STEPS).any()
    assert model.latents.any()


def test_a_width_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 16"):
        PointTransformer(GeneratorSettings(width=24, layers=1, heads=4))
