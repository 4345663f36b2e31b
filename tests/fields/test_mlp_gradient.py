"""The hand-written gradient against autograd on a plain module."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector

from hdray.fields.mlp import MLPField
from hdray.fields.mlp_gradient import losses
from hdray.fields.settings import MLPSettings
from tests.fields.test_mlp import plain_encoding, plain_module

LEVELS = torch.linspace(-0.6, 0.6, 65536)


def example(
    settings: MLPSettings, slots: int, points: int
) -> tuple[MLPField, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A field, vectors (K, D), codes (K, P, 3) and targets (K, P)."""
    field = MLPField(settings)
    generator = torch.Generator().manual_seed(5)
    theta = torch.stack([field.initialise(generator) for _ in range(slots)]) * 2
    codes = torch.randint(0, 65536, (slots, points, 3), generator=generator)
    inside = torch.randint(0, 2, (slots, points), generator=generator).double()
    return field, theta, codes, inside


def by_autograd(
    field: MLPField, theta: torch.Tensor, codes: torch.Tensor, inside: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient (D,) and loss of one instance, the ordinary way."""
    module = plain_module(field.settings, theta.clone())
    logits = module(plain_encoding(field.settings, LEVELS[codes])).squeeze(-1)
    loss = binary_cross_entropy_with_logits(logits, inside.float())
    return parameters_to_vector(torch.autograd.grad(loss, list(module.parameters()))), loss.detach()


@pytest.mark.parametrize(
    "settings", [MLPSettings(), MLPSettings(width=24, layers=2, frequencies=6, frequency_base=math.pi)]
)
def test_gradient_and_loss_equal_autograd(settings: MLPSettings) -> None:
    field, theta, codes, inside = example(settings, 3, 100)
    gradient = torch.full((3, field.layout.size + 7), torch.nan)
    compute = field.gradient(3, 100, LEVELS, "fp32", "cpu")
    loss = losses(compute(theta, codes, inside, gradient), inside)
    for row in range(3):
        expected, expected_loss = by_autograd(field, theta[row], codes[row], inside[row])
        torch.testing.assert_close(gradient[row, : field.layout.size], expected, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(loss[row].float(), expected_loss, rtol=1e-5, atol=0)
    # What fills rows up to a whole number of cache lines is not touched.
    assert gradient[:, field.layout.size :].isnan().all()


def test_a_second_call_does_not_remember_the_first() -> None:
    field, theta, codes, inside = example(MLPSettings(width=16), 2, 64)
    compute = field.gradient(2, 64, LEVELS, "fp32", "cpu")
    first, second = torch.zeros(2, field.layout.size), torch.zeros(2, field.layout.size)
    compute(theta, codes, inside, first)
    compute(theta.flip(0), codes.flip(0), 1 - inside, second)
    compute(theta, codes, inside, second)
    assert torch.equal(first, second)


def test_bf16_gradient_points_the_same_way() -> None:
    field, theta, codes, inside = example(MLPSettings(), 2, 512)
    gradient = torch.zeros(2, field.layout.size)
    field.gradient(2, 512, LEVELS, "bf16", "cpu")(theta, codes, inside, gradient)
    for row in range(2):
        expected, _ = by_autograd(field, theta[row], codes[row], inside[row])
        assert torch.cosine_similarity(gradient[row], expected, dim=0) > 0.995
        torch.testing.assert_close(gradient[row].norm(), expected.norm(), rtol=0.03, atol=0)


def test_loss_stays_finite_for_a_confident_mistake() -> None:
    probability = torch.sigmoid(torch.tensor([[-900.0, 900.0]], dtype=torch.float64))
    got = losses(probability, torch.tensor([[1.0, 1.0]], dtype=torch.float64))
    assert got.isfinite().all()
    assert got > 300
