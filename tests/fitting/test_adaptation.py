"""Adaptation: what training differentiates, what fitting runs, and that instances do not see each other."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hdray.fields.mixture_bases import MixtureBases
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.siren_mixture_gradient import mixture_losses
from hdray.fitting.adaptation import adapt, adapted
from hdray.fitting.draws import Draws, instance_keys
from hdray.fitting.represent import represent
from hdray.fitting.settings import FitSettings
from hdray.signals.points import decode
from tests.fitting.shapes import ball, box, coded

SETTINGS = FieldSettings(kind="mnif", width=16, layers=2, bases=4, context=5, siren_frequency=6.0)
FIT = FitSettings(batch_size=4, points_per_step=256, precision="fp32")
SHAPES = [ball(0.2), ball(0.3), box(0.5, 0.3, 0.7), ball(0.45)]
IDS = ["a", "b", "c", "d"]


def mixture(settings: FieldSettings = SETTINGS, dtype: torch.dtype = torch.float32) -> SirenMixture:
    """Drawn bases, and rates as training draws them, larger for later entries."""
    bases = MixtureBases(settings)
    bases.initialise(torch.Generator().manual_seed(1))
    shared = {name: parameter.detach().to(dtype) for name, parameter in bases.named_parameters()}
    return SirenMixture(settings, {**shared, "rates": torch.linspace(0.01, 0.1, settings.context).to(dtype)})


def problem(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Starts (K, H), coords (K, P, 3) and labels (K, P), float64."""
    stream = torch.Generator().manual_seed(2)
    coords = torch.rand(count, 40, 3, generator=stream, dtype=torch.float64) - 0.5
    radii = torch.linspace(0.2, 0.5, count).unsqueeze(1)
    start = 0.1 * torch.randn(count, 5, generator=stream, dtype=torch.float64)
    return start, coords, (coords.norm(dim=2) < radii).double()


def test_the_inner_loss_does_not_depend_on_the_batch() -> None:
    """An instance takes the same steps alone as among 64: its loss is a mean over its own points."""
    field = mixture(dtype=torch.float64)
    start, coords, inside = problem(64)
    rates = field.shared["rates"]
    together = adapted(field, start, coords, inside, rates)
    for row in (0, 63):
        alone = slice(row, row + 1)
        found = adapted(field, start[alone], coords[alone], inside[alone], rates)
        torch.testing.assert_close(found, together[alone], atol=1e-12, rtol=0)


def test_the_first_step_is_one_of_gradient_descent() -> None:
    field = mixture(replace(SETTINGS, inner_steps=1), torch.float64)
    start, coords, inside = problem(3)
    moved = adapted(field, start, coords, inside, field.shared["rates"])

    def losses(latents: Tensor) -> Tensor:
        return (field.values(latents, coords).squeeze(-1) - (2 * inside - 1)).square().mean(dim=1)

    for entry in range(5):
        shift = torch.zeros(5, dtype=torch.float64)
        shift[entry] = 1e-6
        slope = (losses(start + shift) - losses(start - shift)) / 2e-6
        torch.testing.assert_close(moved[:, entry], start[:, entry] - (0.01 + 0.0225 * entry) * slope)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_the_meta_gradient_is_of_second_order(loss: str) -> None:
    """Of the loss after three steps in a basis weight, a bias of T and a rate, against finite differences."""
    settings = replace(SETTINGS, mixture_loss=loss)
    start, coords, inside = problem(3)
    names = ("bases.1.weight", "projection.bias", "projection.weight", "rates")

    def outer(shared: dict[str, Tensor]) -> Tensor:
        field = SirenMixture(settings, shared)
        latents = adapted(field, start, coords, inside, shared["rates"])
        return mixture_losses(field.values(latents, coords).squeeze(-1), inside, settings).mean()

    shared = {name: value.requires_grad_() for name, value in mixture(settings, torch.float64).shared.items()}
    gradients = torch.autograd.grad(outer(shared), [shared[name] for name in names])
    first_order = mixture(settings, torch.float64)
    latents = adapted(first_order, start, coords, inside, first_order.shared["rates"]).detach()
    plain = SirenMixture(settings, shared)
    losses = mixture_losses(plain.values(latents, coords).squeeze(-1), inside, settings)
    direct = torch.autograd.grad(losses.mean(), shared["projection.bias"])[0]
    for name, gradient in zip(names, gradients, strict=True):
        for entry in (0, gradient.numel() - 1):
            slopes = []
            for sign in (1, -1):
                moved = {key: value.detach().clone() for key, value in shared.items()}
                moved[name].view(-1)[entry] += sign * 1e-5
                slopes.append(outer(moved).item())
            slope = (slopes[0] - slopes[1]) / 2e-5
            assert float(gradient.flatten()[entry]) == pytest.approx(slope, rel=1e-4, abs=1e-8), (name, entry)
    # The part through the steps is there: without it the gradient is another one.
    assert float((gradients[1] - direct).norm()) > 0.01 * float(direct.norm())


def test_fitting_takes_the_steps_that_training_does() -> None:
    field = mixture()
    points, labels = coded(SHAPES, 512)
    found = adapt(field, points, labels, FIT, IDS, 7)
    assert found.steps.tolist() == [3] * 4
    drawn, inside = Draws(points, labels, instance_keys(IDS, 7), 4, 256, torch.device("cpu")).at(0)
    coords = decode(drawn.to(torch.uint16))
    expected = adapted(field, torch.zeros(4, 5), coords, inside, field.shared["rates"])
    torch.testing.assert_close(found.theta, expected.detach(), atol=1e-5, rtol=1e-4)
    assert float(found.theta.std(dim=0).min()) > 0
    assert torch.equal(represent(field, points, labels, points, torch.zeros(5), FIT, IDS, 7).theta, found.theta)


def test_frames_are_at_their_times() -> None:
    """Of a field of 4 coordinates: the same points with other times have other latents."""
    bases = MixtureBases(SETTINGS, dimension=4)
    bases.initialise(torch.Generator().manual_seed(1))
    shared = {name: parameter.detach() for name, parameter in bases.named_parameters()}
    field = SirenMixture(SETTINGS, {**shared, "rates": torch.full((5,), 0.05)}, dimension=4)
    points, labels = coded(SHAPES, 512)

    def latents(times: Tensor) -> Tensor:
        return represent(field, points, labels, points, torch.zeros(5), FIT, IDS, 7, times=times).theta

    still, moving = latents(torch.zeros(4)), latents(torch.linspace(-0.4, 0.4, 4))
    drawn, inside = Draws(points, labels, instance_keys(IDS, 7), 4, 256, torch.device("cpu"), 4).at(0)
    coords = torch.cat([decode(drawn[..., :3].to(torch.uint16)), torch.zeros(4, 256, 1)], dim=2)
    expected = adapted(field, torch.zeros(4, 5), coords, inside, field.shared["rates"])
    torch.testing.assert_close(still, expected.detach(), atol=1e-5, rtol=1e-4)
    assert float((moving - still).abs().max()) > 1e-4


def test_an_instance_s_latent_does_not_depend_on_the_others_bit_for_bit() -> None:
    field = mixture(replace(SETTINGS, bases=16, context=16))
    points, labels = coded(SHAPES, 512)
    together = adapt(field, points, labels, FIT, IDS, 7).theta
    for row in range(4):
        alone = adapt(field, points[row : row + 1], labels[row : row + 1], FIT, IDS[row : row + 1], 7).theta
        assert torch.equal(alone[0], together[row])
    order = [2, 0, 3, 1]
    assert torch.equal(
        adapt(field, points[order], labels[order], FIT, [IDS[i] for i in order], 7).theta, together[order]
    )


def test_points_in_parts_give_the_mean_over_all_of_them() -> None:
    """Of 4 slots and width 16, 8,192 points go through at once: 10,000 are two parts."""
    field = mixture()
    points, labels = coded(SHAPES[:2], 16_384)
    settings = replace(FIT, points_per_step=10_000)
    found = adapt(field, points, labels, settings, IDS[:2], 7).theta
    drawn, inside = Draws(points, labels, instance_keys(IDS[:2], 7), 2, 10_000, torch.device("cpu")).at(0)
    coords = decode(drawn.to(torch.uint16))
    expected = adapted(field, torch.zeros(2, 5), coords, inside, field.shared["rates"])
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_what_cannot_be_adapted_is_named() -> None:
    points, labels = coded(SHAPES, 512)
    plain = SirenMixture(SETTINGS, {name: value for name, value in mixture().shared.items() if name != "rates"})
    with pytest.raises(ValueError, match="descend to its vectors instead"):
        adapt(plain, points, labels, FIT, IDS, 0)
    with pytest.raises(ValueError, match="5 instances; adapt takes between 1 and batch_size = 4"):
        adapt(mixture(), points, labels, FIT, [*IDS, "e"], 0)
    with pytest.raises(ValueError, match="are not those of 3 ids"):
        adapt(mixture(), points, labels, FIT, IDS[:3], 0)
