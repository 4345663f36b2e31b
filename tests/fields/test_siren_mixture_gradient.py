"""The gradient that fits mixtures, against finite differences, and that its rows do not see each other."""

import pytest
import torch
from torch import Tensor

from hdray.fields.mixture_bases import MixtureBases
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.siren_mixture_gradient import mixture_losses

LEVELS = torch.linspace(-0.5, 0.5, 101)


def mixture(loss: str, dtype: torch.dtype, **changes: object) -> SirenMixture:
    given = {"width": 16, "layers": 2, "bases": 4, "context": 5, "siren_frequency": 6.0, **changes}
    settings = FieldSettings(kind="mnif", mixture_loss=loss, **given)
    bases = MixtureBases(settings)
    bases.initialise(torch.Generator().manual_seed(1))
    return SirenMixture(settings, {name: parameter.detach().to(dtype) for name, parameter in bases.named_parameters()})


def codes(slots: int, points: int) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(2)
    drawn = torch.randint(101, (slots, points, 3), generator=stream, dtype=torch.int32)
    return drawn, torch.randint(2, (slots, points), generator=stream).double()


def latents(slots: int, size: int) -> Tensor:
    return torch.randn(slots, size, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_the_gradient_is_that_of_finite_differences_of_the_loss(loss: str) -> None:
    drawn, inside = codes(3, 50)
    theta, gradient = torch.zeros(3, 64), torch.full((3, 64), 9.0)
    theta[:, :5] = latents(3, 5)
    compute = mixture(loss, torch.float32).gradient(3, 50, LEVELS, "fp32", "cpu")
    probability = compute(theta, drawn, inside, gradient)
    exact = mixture(loss, torch.float64)

    def losses(moved: Tensor) -> Tensor:
        return mixture_losses(exact.values(moved, LEVELS[drawn.long()]).squeeze(-1), inside, exact.settings)

    centre, step = theta[:, :5].double(), 1e-6
    for entry in range(5):
        shift = torch.zeros(5, dtype=torch.float64)
        shift[entry] = step
        slope = (losses(centre + shift) - losses(centre - shift)) / (2 * step)
        torch.testing.assert_close(gradient[:, entry].double(), slope, atol=1e-4, rtol=1e-3)
    assert bool((gradient[:, 5:] == 9).all())
    expected = torch.sigmoid(5 * exact.values(centre, LEVELS[drawn.long()]).squeeze(-1))
    torch.testing.assert_close(probability, expected, atol=1e-4, rtol=0)


def test_losses_are_those_of_the_definitions() -> None:
    values, inside = torch.tensor([[1.0, 0.5, -1.0]]), torch.tensor([[1, 0, 0]])
    squared = mixture_losses(values, inside, FieldSettings(mixture_loss="mse"))
    assert float(squared) == pytest.approx(1.5**2 / 3)
    entropy = mixture_losses(values, inside, FieldSettings(mixture_loss="bce", siren_scale=2.0))
    logistic = torch.nn.functional.softplus(torch.tensor([-2.0, 1.0, -2.0])).mean()
    assert float(entropy) == pytest.approx(float(logistic))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("points", [50, 192])
def test_a_row_does_not_depend_on_the_others_nor_on_its_place_bit_for_bit(points: int, precision: str) -> None:
    """At published width and more bases than a product takes at once."""
    field = mixture("mse", torch.float32, width=64, layers=5, bases=256, context=512, siren_frequency=30.0)
    compute = field.gradient(6, points, LEVELS, precision, "cpu")
    theta, (drawn, inside) = latents(6, 512), codes(6, points)
    gradient, other = torch.zeros(6, 512), torch.zeros(6, 512)
    probability = compute(theta, drawn, inside, gradient)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    moved = compute(theta[order], drawn[order], inside[order], other)
    assert torch.equal(moved, probability[order]) and torch.equal(other, gradient[order])
    changed = theta.clone()
    changed[1:] *= -1
    assert torch.equal(compute(changed, drawn, inside, other)[0], probability[0])
    assert torch.equal(other[0], gradient[0])


def test_in_bf16_the_gradient_is_that_of_float32_to_its_eight_bits() -> None:
    """Networks are averaged from many bases, with coefficients of either sign."""
    field = mixture("mse", torch.float32, width=64, layers=5, bases=256, context=512, siren_frequency=50.0)
    theta, (drawn, inside) = 0.01 * latents(4, 512), codes(4, 1024)  # coefficients differ by twice their mean
    exact, rounded = torch.zeros(4, 512), torch.zeros(4, 512)
    probability = field.gradient(4, 1024, LEVELS, "fp32", "cpu")(theta, drawn, inside, exact)
    found = field.gradient(4, 1024, LEVELS, "bf16", "cpu")(theta, drawn, inside, rounded)
    torch.testing.assert_close(found, probability, atol=0.005, rtol=0)
    assert float(((rounded - exact).norm(dim=1) / exact.norm(dim=1)).max()) < 0.03
