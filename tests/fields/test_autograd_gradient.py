"""Gradients by automatic differentiation against finite differences in float64, and against the gradient written by hand."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from hdray.fields.autograd_gradient import AutogradGradient
from hdray.fields.field import DescentField
from hdray.fields.mlp import MLPField
from hdray.fields.mlp_gradient import losses
from hdray.fields.settings import FieldSettings, MLPSettings, VoxelSettings
from hdray.fields.voxels import VoxelField
from tests.fields.test_fourier_mlp import by_hand
from tests.fields.test_fourier_mlp import field_of as fourier_field_of
from tests.fields.test_lora import field_of as lora_field_of
from tests.fields.test_lora import vectors

LEVELS = torch.linspace(-0.6, 0.6, 65536)


def example(slots: int, points: int, dimension: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (K, P, d) and targets (K, P)."""
    generator = torch.Generator().manual_seed(5)
    codes = torch.randint(0, 65536, (slots, points, dimension), generator=generator)
    return codes, torch.randint(0, 2, (slots, points), generator=generator).double()


@pytest.mark.parametrize("asymmetric", [False, True])
def test_gradient_is_what_finite_differences_say(asymmetric: bool) -> None:
    """Central differences of the mean cross entropy of a plain float64 network, for entries of every piece."""
    field = fourier_field_of(FieldSettings(width=13, layers=2, omega=3.0, asymmetric=asymmetric))
    generator = torch.Generator().manual_seed(1)
    theta = torch.stack([field.initialise(generator) for _ in range(2)])
    codes, inside = example(2, 50)
    gradient = torch.full((2, field.layout.size + 5), torch.nan)
    padded = torch.nn.functional.pad(theta, (0, 5))
    probability = AutogradGradient(field, 2, 50, LEVELS, "fp32", "cpu")(padded, codes, inside, gradient)

    def loss(row: int, vector: torch.Tensor) -> torch.Tensor:
        template = field.frozen.values[: field.frozen.whole.size].double()
        whole = template.index_copy(0, field.frozen.free, vector)
        logits = by_hand(field.settings, field.frozen.whole.split(whole), LEVELS[codes[row]])
        return binary_cross_entropy_with_logits(logits.squeeze(-1), inside[row])

    for row in range(2):
        torch.testing.assert_close(losses(probability, inside)[row], loss(row, theta[row].double()), rtol=1e-5, atol=0)
        for piece in field.layout:
            for entry in (piece.start, (piece.start + piece.stop) // 2, piece.stop - 1):
                step = torch.zeros(field.layout.size, dtype=torch.float64)
                step[entry] = 1e-6
                vector = theta[row].double()
                slope = (loss(row, vector + step) - loss(row, vector - step)) / 2e-6
                assert float(gradient[row, entry]) == pytest.approx(float(slope), rel=1e-3, abs=1e-6), piece.name
    assert gradient[:, field.layout.size :].isnan().all(), "what fills rows is not touched"


def test_it_agrees_with_the_gradient_written_by_hand() -> None:
    field = MLPField(MLPSettings(width=24, layers=2))
    theta = torch.stack([field.initialise(torch.Generator().manual_seed(row)) for row in range(3)])
    codes, inside = example(3, 100)
    by_autograd, written = torch.zeros_like(theta), torch.zeros_like(theta)
    first = AutogradGradient(field, 3, 100, LEVELS, "fp32", "cpu")(theta, codes, inside, by_autograd)
    second = field.gradient(3, 100, LEVELS, "fp32", "cpu")(theta, codes, inside, written)
    torch.testing.assert_close(by_autograd, written, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("multiplicative", [False, True])
def test_low_rank_gradients_equal_those_of_the_whole_matrices(multiplicative: bool, precision: str) -> None:
    """By the chain rule: for G the gradient in the adapted matrices, A's is B^T G (B^T (W * G) of products), B's is G A^T."""
    field = lora_field_of(multiplicative, width=32)
    theta = vectors(field, 2)
    codes, inside = example(2, 64)
    gradient = torch.zeros_like(theta)
    field.gradient(2, 64, LEVELS, precision, "cpu")(theta, codes, inside, gradient)
    matrices = field.adapted(field.frozen.complete(theta)).detach().requires_grad_()  # (K, L, H, H)
    adapted, field.adapted = field.adapted, lambda _: matrices  # type: ignore[method-assign]
    logits = field(theta, LEVELS[codes]).squeeze(-1)
    loss = binary_cross_entropy_with_logits(logits.double(), inside, reduction="none").mean(dim=1).sum()
    (inner,) = torch.autograd.grad(loss, matrices)
    if multiplicative:
        ones = theta.clone()
        for piece, part in zip(field.layout, field.layout.split(ones), strict=True):
            if piece.kind in ("a", "b"):
                part[:] = torch.eye(3, 1).view(1, 3, 1)  # the first pair all ones, the others nothing: W itself
        inner = inner * adapted(ones)
    parts = dict(zip([piece.name for piece in field.layout], field.layout.split(theta), strict=True))
    slopes = dict(zip([piece.name for piece in field.layout], field.layout.split(gradient), strict=True))
    for layer in range(1, 4):
        a, b = parts[f"layers.{layer}.a"], parts[f"layers.{layer}.b"]
        wanted = {"a": b @ inner[:, layer - 1], "b": a @ inner[:, layer - 1].transpose(1, 2)}
        for kind, expected in wanted.items():
            got = slopes[f"layers.{layer}.{kind}"]
            if precision == "fp32":
                torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-6)
            else:
                assert torch.cosine_similarity(got.flatten(1), expected.flatten(1)).min() > 0.99


def test_a_second_call_does_not_remember_the_first() -> None:
    field = lora_field_of(True)
    theta = vectors(field, 2)
    codes, inside = example(2, 40)
    compute = field.gradient(2, 40, LEVELS, "fp32", "cpu")
    first, second = torch.zeros_like(theta), torch.zeros_like(theta)
    compute(theta, codes, inside, first)
    compute(theta.flip(0), codes.flip(0), 1 - inside, second)
    compute(theta, codes, inside, second)
    assert torch.equal(first, second)


def test_which_fields_are_descended_to() -> None:
    assert all(isinstance(field, DescentField) for field in (MLPField(MLPSettings()), lora_field_of(True)))
    assert isinstance(fourier_field_of(FieldSettings()), DescentField)
    assert not isinstance(VoxelField(VoxelSettings()), DescentField)
