"""The denoising network of low-rank weights: its size, its start, and what may influence what."""

import math

import pytest
import torch

from hdray.fields.layout import Layout
from hdray.generators.lora_transformer import LoraTransformer
from hdray.generators.settings import GeneratorSettings
from tests.generators.low_rank import layout_of, low_rank_layout

SMALL = GeneratorSettings(kind="lora-diffusion", width=16, layers=2, heads=4)
LAYOUT = low_rank_layout(3, 2, 6)
STEPS = torch.tensor([0, 5, 499])


@pytest.fixture
def network() -> LoraTransformer:
    """With every parameter drawn: encodings start as zero."""
    model = LoraTransformer(LAYOUT, SMALL)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model


def noisy(size: int = LAYOUT.size) -> torch.Tensor:
    return torch.randn(3, size, generator=torch.Generator().manual_seed(1))


def parameters(rank: int, entries: int, layers: int, singles: list[int]) -> int:
    """Of width 2,880 with 12 blocks, counted from the definition: `entries` of a pair, `singles` beside the pairs."""
    w = 2_880
    block = 4 * w * w + 4 * w + 8 * w * w + 5 * w + 4 * w  # attention, MLP, two norms
    trunk = 12 * block + 2 * 2 * w + (layers + len(singles) + 1) * w + 257 * w + 2 * w * sum(singles)
    attention = 4 * w * w + 4 * w + 2 * w
    encoder = layers * entries * w + rank * w + attention
    decoder = rank * w + 3 * w * w + 3 * w + attention + layers * entries * w
    return trunk + encoder + decoder


@pytest.mark.parametrize(
    ("layout", "entries", "singles", "expected"),
    [
        # ShapeNet (rank 3 in 9 layers of 512 channels, and its mask) and FFHQ (rank 4 in 13 of 256), as inferred from
        # the paper's Table 1.
        (low_rank_layout(9, 3, 512), 1_024, [1_536, 512], 1_351_808_640),
        (low_rank_layout(9, 3, 512, frozen=23), 1_001, [1_536, 512], 1_350_616_320),
        (low_rank_layout(13, 4, 256, dimension=2), 512, [512, 256], 1_329_707_520),
    ],
)
def test_the_published_sizes(layout: Layout, entries: int, singles: list[int], expected: int) -> None:
    rank, layers = layout.pieces[2].shape[0], (len(layout.pieces) - 2) // 2
    with torch.device("meta"):
        model = LoraTransformer(layout, GeneratorSettings(kind="lora-diffusion"))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == parameters(rank, entries, layers, singles) == expected


@torch.no_grad()
def test_the_start_has_zero_layer_encodings_small_matrices_and_pairs_of_unit_variance() -> None:
    model = LoraTransformer(LAYOUT, SMALL)
    model.initialise(torch.Generator().manual_seed(0))
    encoder, decoder = model.encoders[0], model.decoders[0]
    assert not model.positions.any() and not decoder.modulation.bias.any()
    for weights in (decoder.output.weight, encoder.attention.projection.weight):
        assert math.isclose(float(weights.std()), 0.02, rel_tol=0.1)
    pairs = torch.randn(50, 3, 2, 12, generator=torch.Generator().manual_seed(1))
    assert math.isclose(float(encoder.input(pairs).std()), 1, rel_tol=0.1)
    assert math.isclose(float(encoder.ranks.std()), 1, rel_tol=0.3)


def test_rows_do_not_see_each_other_and_tokens_do(network: LoraTransformer) -> None:
    vectors = noisy()
    before = network(vectors, STEPS)
    assert before.shape == (3, LAYOUT.size)
    vectors[1, 0] += 1.0
    changed = network(vectors, STEPS) != before
    # A change of the Fourier layer reaches every layer of its own vector.
    assert changed[1].float().mean() > 0.99
    assert not changed[0].any() and not changed[2].any()


def test_the_result_is_in_the_order_of_the_vector(network: LoraTransformer) -> None:
    """With the trunk cut off from its outputs, an entry of the result depends on the entries of its own layer alone."""
    with torch.no_grad():
        network.decoders[0].expand.weight.zero_()
    vectors = noisy()
    before = network(vectors, STEPS)
    for layer in (1, 2, 3):
        own = [piece for piece in LAYOUT if piece.layer == layer]
        after = vectors.clone()
        after[:, own[0].start] += 1.0
        changed = (network(after, STEPS) != before).any(dim=0)
        for piece in LAYOUT:
            if piece.layer > 0:
                assert bool(changed[piece.start : piece.stop].all()) == (piece.layer == layer), piece


def test_the_step_matters_and_gradients_reach_every_parameter(network: LoraTransformer) -> None:
    assert not torch.allclose(network(noisy(), STEPS), network(noisy(), STEPS + 1), atol=1e-3)
    network(noisy(), STEPS).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize(
    "layout",
    [
        low_rank_layout(2, 3, 9, frozen=3),
        low_rank_layout(2, 3, 8, fourier=False),
        layout_of([("p.a", 1, "a", (2, 3)), ("p.b", 1, "b", (2, 5)), ("q.a", 2, "a", (1, 5)), ("q.b", 2, "b", (1, 1))]),
    ],
    ids=["masked", "pairs alone", "two shapes"],
)
def test_layers_of_any_shapes(layout: Layout) -> None:
    model = LoraTransformer(layout, SMALL)
    model.initialise(torch.Generator().manual_seed(0))
    out = model(noisy(layout.size), STEPS)
    assert out.shape == (3, layout.size) and bool(out.std(dim=0).all())


def test_nothing_but_parameters_is_saved(network: LoraTransformer) -> None:
    assert network.state_dict().keys() == dict(network.named_parameters()).keys()
