"""Low-rank adaptation: its algebra, its start, the counts of the paper's Table 1."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hdray.fields.base_network import BaseNetwork
from hdray.fields.lora import LoRAField
from hdray.fields.settings import FieldSettings

SMALL = {"width": 20, "blocks": 1, "latent": 4, "mapping_layers": 2, "mapping_width": 8, "omega": 3.0}
BOTH = pytest.mark.parametrize("multiplicative", [False, True])


def shared_of(
    settings: FieldSettings, multiplicative: bool, dimension: int = 3, channels: int = 1
) -> dict[str, torch.Tensor]:
    base = BaseNetwork(settings, dimension, channels)
    base.initialise(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    base.latent.normal_(generator=generator)
    return base.state_dict() | LoRAField.draw_masks(settings, multiplicative, generator)


def field_of(multiplicative: bool, **keys: object) -> LoRAField:
    settings = FieldSettings(**{**SMALL, **keys})
    return LoRAField(settings, multiplicative, shared_of(settings, multiplicative))


def vectors(field: LoRAField, count: int) -> torch.Tensor:
    """Somewhere away from the start: (count, D)."""
    generator = torch.Generator().manual_seed(2)
    start = torch.stack([field.initialise(generator) for _ in range(count)])
    return start + 0.3 * torch.randn(start.shape, generator=generator)


def pairs_of(field: LoRAField, theta: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Of one vector (D,), A (r, H) and B^T (r, H) of each layer, frozen entries included, by the pieces' names."""
    whole = field.frozen.complete(theta.unsqueeze(0))[0]
    parts = {piece.name: whole[piece.start : piece.stop].view(piece.shape) for piece in field.frozen.whole}
    layers = sum(name.endswith(".a") for name in parts)
    return [(parts[f"layers.{layer}.a"], parts[f"layers.{layer}.b"]) for layer in range(1, layers + 1)]


@BOTH
@pytest.mark.parametrize(
    ("keys", "dimension", "channels", "masked_layers", "free", "masked"),
    [
        ({"width": 512, "blocks": 4, "rank": 3}, 3, 1, 9, 29_696, 27_539),
        ({"width": 256, "blocks": 6, "rank": 4}, 2, 3, 9, 27_395, 26_307),
    ],
)
def test_the_published_counts(
    multiplicative: bool,
    keys: dict[str, int],
    dimension: int,
    channels: int,
    masked_layers: int,
    free: int,
    masked: int,
) -> None:
    """Table 1, shapes then images. Ranks, and that 9 of the 13 layers of images are masked, are inferred from the counts."""
    for asymmetric, expected in ((False, free), (True, masked)):
        settings = FieldSettings(asymmetric=asymmetric, **keys)
        shared = shared_of(settings, multiplicative, dimension, channels)
        for layer in range(masked_layers + 1, 2 * settings.blocks + 2):
            for part in ("positions", "values"):
                shared.pop(f"masks.layers.{layer}.a.{part}", None)
        assert LoRAField(settings, multiplicative, shared, dimension, channels).layout.size == expected


@BOTH
@pytest.mark.parametrize("asymmetric", [False, True])
def test_forward_is_the_base_with_adapted_matrices(multiplicative: bool, asymmetric: bool) -> None:
    """Against the sums of the paper's Eq. 18 (products) and Eq. 7 (sums), in float64, one instance at a time."""
    field = field_of(multiplicative, asymmetric=asymmetric)
    base = BaseNetwork(field.settings)
    shared = shared_of(field.settings, multiplicative)
    base.load_state_dict({name: tensor for name, tensor in shared.items() if not name.startswith("masks.")})
    matrices = base.weights(base.latent.unsqueeze(0))[0].detach().double()
    theta = vectors(field, 3)
    coords = torch.rand(3, 40, 3, generator=torch.Generator().manual_seed(4)) - 0.5
    got = field(theta, coords)
    for row in range(3):
        adapted = []
        for matrix, (a, b) in zip(matrices, pairs_of(field, theta[row]), strict=True):
            a, b = a.double(), b.double()
            if multiplicative:
                adapted.append(
                    sum(torch.diag(column) @ matrix @ torch.diag(scale) for scale, column in zip(a, b, strict=True))
                )
            else:
                adapted.append(matrix + sum(torch.outer(column, scale) for scale, column in zip(a, b, strict=True)))
        own = dict(zip([piece.name for piece in field.layout], field.layout.split(theta[row].double()), strict=True))
        weight = own.get("fourier.weight", shared["fourier.weight"].double())
        hidden = torch.sin(3.0 * (coords[row].double() @ weight.T + own["fourier.bias"]))
        hidden = (hidden @ adapted[0].T).relu()
        hidden = hidden + ((hidden @ adapted[1].T).relu() @ adapted[2].T).relu()
        expected = hidden @ shared["output.weight"].double().T + shared["output.bias"].double()
        torch.testing.assert_close(got[row].double(), expected, rtol=1e-4, atol=1e-4)
        alone = field(theta[row : row + 1], coords[row : row + 1])[0]
        torch.testing.assert_close(got[row], alone, rtol=1e-5, atol=1e-5)


@BOTH
def test_permuted_ranks_are_the_same_function(multiplicative: bool) -> None:
    """Theorem 1 and Corollary 2.1."""
    field = field_of(multiplicative)
    theta = vectors(field, 1)
    coords = torch.rand(1, 30, 3) - 0.5
    for order in permutations(range(3)):
        permuted = theta.clone()
        for piece, part in zip(field.layout, field.layout.split(permuted), strict=True):
            if piece.kind in ("a", "b") and piece.layer == 2:
                part.copy_(part[:, list(order)].clone())
        torch.testing.assert_close(field(permuted, coords), field(theta, coords), rtol=1e-4, atol=1e-5)
    halfway = theta.clone()
    second = next(piece for piece in field.layout if piece.name == "layers.2.a")
    halfway[:, second.start : second.stop] = theta[:, second.start : second.stop].view(3, -1).flip(0).flatten()
    assert (field(halfway, coords) - field(theta, coords)).abs().max() > 1e-3, "a without its b is another function"


@BOTH
def test_masks_are_the_same_for_all_and_always(multiplicative: bool) -> None:
    field, again = (field_of(multiplicative, asymmetric=True) for _ in range(2))
    theta = vectors(field, 4)
    assert torch.equal(field.frozen.complete(theta), again.frozen.complete(theta))
    frozen = ~field.frozen.is_free
    values = field.frozen.complete(theta)[:, : len(frozen)][:, frozen]
    assert int(frozen.sum()) == 3 * 3 * 5, "layers, ranks, the root of 20"
    assert (values == values[0]).all()
    assert bool((values == 0).all()) == multiplicative
    assert {piece.shape for piece in field.layout if piece.kind == "a"} == {(3, 15)}
    assert {piece.shape for piece in field.layout if piece.kind == "b"} == {(3, 20)}


def test_frozen_entries_of_sums_vary_kappa_times_as_much_as_free_ones() -> None:
    for start, variance in (("normal", 1.0), ("identity", 1 / 400)):
        settings = FieldSettings(width=400, blocks=2, rank=8, asymmetric=True, lora_start=start)
        masks = LoRAField.draw_masks(settings, False, torch.Generator().manual_seed(0))
        values = torch.cat([tensor for name, tensor in masks.items() if name.endswith("values")])
        assert values.var() == pytest.approx(6 * variance, rel=0.15)


@BOTH
@pytest.mark.parametrize("asymmetric", [False, True])
def test_the_identity_start_is_near_the_base_and_pairs_differ(multiplicative: bool, asymmetric: bool) -> None:
    field = field_of(multiplicative, asymmetric=asymmetric, width=64)
    base = BaseNetwork(field.settings)
    shared = shared_of(field.settings, multiplicative)
    base.load_state_dict({name: tensor for name, tensor in shared.items() if not name.startswith("masks.")})
    theta = field.initialise(torch.Generator().manual_seed(0)).unsqueeze(0)
    coords = torch.rand(1, 100, 3) - 0.5
    difference = (field(theta, coords) - base(base.latent.unsqueeze(0), coords)).abs().max()
    # Exactly the base for sums; for products up to what tells pairs apart, and entries that all of an r are frozen at.
    assert difference <= (1e-5 if not multiplicative else 0.15)
    for a, _ in pairs_of(field, theta[0]):
        assert torch.pdist(a).min() > 0.01


def test_the_normal_start_is_drawn_from_the_unit_normal() -> None:
    field = field_of(True, lora_start="normal", width=100, blocks=4)
    theta = field.initialise(torch.Generator().manual_seed(0))
    pairs = torch.cat([torch.cat(pair) for pair in pairs_of(field, theta)])
    assert abs(float(pairs.mean())) < 0.05 and float(pairs.std()) == pytest.approx(1.0, abs=0.05)
    weight = field.layout.split(theta)[0]
    assert torch.equal(weight, shared_of(field.settings, True)["fourier.weight"]), "the base's, whatever the start"


@BOTH
@hypothesis_settings(max_examples=15, deadline=None)
@given(scales=st.lists(st.floats(0.05, 20), min_size=9, max_size=9))
def test_balanced_pairs_are_one_vector_for_all_scales(multiplicative: bool, scales: list[float]) -> None:
    field = field_of(multiplicative)
    theta = vectors(field, 2)
    scaled = theta.clone()
    for piece, part in zip(field.layout, field.layout.split(scaled), strict=True):
        if piece.kind in ("a", "b"):
            factor = torch.tensor(scales).view(3, 3, 1)[piece.layer - 1]
            part.mul_(factor if piece.kind == "a" else 1 / factor)
    balanced = field.balance(theta)
    torch.testing.assert_close(field.balance(scaled), balanced, rtol=1e-4, atol=1e-6)
    for a, b in pairs_of(field, balanced[0]):
        torch.testing.assert_close(a.norm(dim=1), b.norm(dim=1), rtol=1e-4, atol=0)
    coords = torch.rand(2, 30, 3) - 0.5
    torch.testing.assert_close(field(balanced, coords), field(theta, coords), rtol=1e-3, atol=1e-4)


def test_balance_keeps_zeros_and_frozen_entries() -> None:
    field = field_of(False)
    start = field.initialise(torch.Generator().manual_seed(0)).unsqueeze(0)
    assert torch.equal(field.balance(start), start), "b is 0: there is no scale that makes it as long as a"
    masked = field_of(True, asymmetric=True)
    theta = vectors(masked, 2)
    coords = torch.rand(2, 30, 3) - 0.5
    torch.testing.assert_close(masked(masked.balance(theta), coords), masked(theta, coords), rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="gauge = True is not accepted"):
        FieldSettings(kind="lora", asymmetric=True, gauge=True)


def test_another_networks_weights_are_refused() -> None:
    settings = FieldSettings(**SMALL)
    shared = shared_of(settings, True)
    with pytest.raises(ValueError, match=r"layers.0.affine.weight, for one, should be \(20, 8\) and is absent"):
        LoRAField(settings, True, {name: tensor for name, tensor in shared.items() if name != "layers.0.affine.weight"})
    with pytest.raises(ValueError, match="shared tensors are not those of a base of these settings"):
        LoRAField(FieldSettings(**{**SMALL, "width": 24}), True, shared)
    with pytest.raises(ValueError, match=r"field\.asymmetric = True and 0 tensors of masks do not go together"):
        LoRAField(FieldSettings(**SMALL, asymmetric=True), True, shared)
    LoRAField(settings, True, shared | {"latents.weight": torch.zeros(7, 4)})  # codes may come with the base
