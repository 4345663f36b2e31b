"""The standalone MLP of the mLoRA paper against a plain network, and the counts of its Table 1."""

import math

import pytest
import torch

from hdray.fields.fourier_mlp import FourierMLPField
from hdray.fields.settings import FieldSettings


def field_of(settings: FieldSettings, dimension: int = 3, channels: int = 1) -> FourierMLPField:
    masks = FourierMLPField.draw_masks(settings, torch.Generator().manual_seed(0), dimension, channels)
    return FourierMLPField(settings, dimension, channels, masks)


@pytest.mark.parametrize(
    ("width", "dimension", "channels", "free", "masked"), [(99, 3, 1, 30_196, 27_226), (94, 2, 3, 27_357, 24_537)]
)
def test_the_published_counts(width: int, dimension: int, channels: int, free: int, masked: int) -> None:
    """Table 1, rows MLP and MLP-Asym: shapes, then images."""
    for asymmetric, expected in ((False, free), (True, masked)):
        field = field_of(FieldSettings(width=width, asymmetric=asymmetric), dimension, channels)
        assert field.layout.size == expected
        assert field.initialise(torch.Generator().manual_seed(0)).shape == (expected,)


def by_hand(settings: FieldSettings, whole: list[torch.Tensor], coords: torch.Tensor) -> torch.Tensor:
    """Logits (P, c) of one instance in float64, from weights and biases in order."""
    weights, biases = [part.double() for part in whole[::2]], [part.double() for part in whole[1::2]]
    hidden = torch.sin(settings.omega * (coords.double() @ weights[0].T + biases[0]))
    for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        hidden = (hidden @ weight.T + bias).relu()
    return hidden @ weights[-1].T + biases[-1]


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize(("dimension", "channels", "width"), [(3, 1, 13), (4, 1, 32), (2, 3, 20)])
def test_forward_equals_a_plain_network(asymmetric: bool, dimension: int, channels: int, width: int) -> None:
    settings = FieldSettings(width=width, layers=2, omega=4.0, asymmetric=asymmetric)
    field = field_of(settings, dimension, channels)
    generator = torch.Generator().manual_seed(3)
    theta = torch.stack([field.initialise(generator) for _ in range(3)])
    coords = torch.rand(3, 50, dimension, generator=generator) - 0.5
    got = field(theta, coords)
    assert got.shape == (3, 50, channels) and got.dtype == torch.float32
    for row in range(3):
        whole = [part[0] for part in field.frozen.whole.split(field.frozen.complete(theta[row : row + 1]))]
        torch.testing.assert_close(got[row].double(), by_hand(settings, whole, coords[row]), rtol=1e-5, atol=1e-5)
        alone = field(theta[row : row + 1], coords[row : row + 1])[0]
        torch.testing.assert_close(got[row], alone, rtol=1e-5, atol=1e-5)


def test_bf16_is_close_and_still_float32_out() -> None:
    field = field_of(FieldSettings(width=99))
    theta = field.initialise(torch.Generator().manual_seed(0)).unsqueeze(0)
    coords = torch.rand(1, 200, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    exact, rounded = field(theta, coords), field(theta, coords, "bf16")
    assert rounded.dtype == torch.float32 and not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0, atol=0.01)


def test_frozen_entries_vary_kappa_times_as_much_as_free_ones() -> None:
    """Free: uniform within 1 / sqrt(H), which has the variance 1 / (3 H)."""
    settings = FieldSettings(width=200, asymmetric=True, frozen_variance=6.0)
    field = field_of(settings)
    masks = FourierMLPField.draw_masks(settings, torch.Generator().manual_seed(0))
    theta = field.initialise(torch.Generator().manual_seed(0))
    for piece, free in zip(field.layout, field.layout.split(theta), strict=True):
        if piece.kind == "weight" and 1 <= piece.layer <= 3:
            assert free.shape == (200, 200 - 15) and free.abs().max() <= 1 / math.sqrt(200)
            values = masks[f"masks.{piece.name}.values"]
            assert values.var() / free.var() == pytest.approx(6.0, rel=0.1)
    assert theta[: field.layout.pieces[0].stop].std() == pytest.approx(1.0, rel=0.1), "frequencies are from N(0, 1)"


def test_rows_that_would_be_frozen_whole_are_refused() -> None:
    with pytest.raises(ValueError, match=r"width = 2 is not accepted; it must be 3 or more with field\.asymmetric"):
        FieldSettings(width=2, asymmetric=True)
    field_of(FieldSettings(width=3, asymmetric=True))


def test_masks_that_are_not_asked_for_or_are_missing_are_refused() -> None:
    masks = FourierMLPField.draw_masks(FieldSettings(asymmetric=True), torch.Generator())
    assert FourierMLPField.draw_masks(FieldSettings(), torch.Generator()) == {}
    with pytest.raises(ValueError, match=r"field\.asymmetric = False needs 0 tensors of masks"):
        FourierMLPField(FieldSettings(), shared=masks)
    with pytest.raises(
        ValueError, match=r"field\.asymmetric = True needs 6 tensors of masks, 0 of which are among the 0"
    ):
        FourierMLPField(FieldSettings(asymmetric=True))
    with pytest.raises(ValueError, match=r"layers.1.weight has positions \(128, 12\)"):
        FourierMLPField(FieldSettings(asymmetric=True, width=64), shared=masks)
