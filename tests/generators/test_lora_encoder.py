"""The encoder of a layer's pairs and its mirror: symmetric in the pairs but for their encodings, each layer by itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hdray.generators.lora_encoder import LayerDecoder, LayerEncoder, PairAttention

LAYERS, RANK, SIZE, WIDTH = 4, 3, 10, 16


def drawn(module: nn.Module, seed: int = 0, deviation: float = 0.5) -> nn.Module:
    """With every parameter drawn: without encodings all pairs are alike."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=deviation, generator=generator)
    return module


def pairs(rank: int = RANK, seed: int = 1) -> torch.Tensor:
    return torch.randn(2, LAYERS, rank, SIZE, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@settings(max_examples=10, deadline=None)
@given(st.integers(1, 5).flatmap(lambda rank: st.permutations(range(rank))))
def test_permuting_pairs_and_their_encodings_permutes_the_result(order: list[int]) -> None:
    rank = len(order)
    encoder, decoder = drawn(LayerEncoder(LAYERS, rank, SIZE, WIDTH)), drawn(LayerDecoder(LAYERS, rank, SIZE, WIDTH), 1)
    layers, tokens = encoder(pairs(rank))
    plain = decoder(layers, tokens)
    for module in (encoder, decoder):
        module.ranks.copy_(module.ranks[order].clone())
    layers_after, tokens_after = encoder(pairs(rank)[:, :, order])
    torch.testing.assert_close(layers_after, layers, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens_after, tokens[:, :, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(decoder(layers_after, tokens_after), plain[:, :, order], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_encodings_tell_pairs_apart() -> None:
    encoder = drawn(LayerEncoder(LAYERS, RANK, SIZE, WIDTH))
    (layers, tokens), (after, tokens_after) = encoder(pairs()), encoder(pairs()[:, :, [1, 2, 0]])
    assert float((layers - after).abs().median()) > 0.01
    assert float((tokens[:, :, [1, 2, 0]] - tokens_after).abs().median()) > 0.01


@torch.no_grad()
def test_a_layer_may_say_something_else_to_each_of_its_pairs() -> None:
    """Equal tokens of pairs come apart by the decoder's encodings, and only by them."""
    decoder = drawn(LayerDecoder(LAYERS, RANK, SIZE, WIDTH))
    layers, tokens = torch.ones(2, LAYERS, WIDTH), torch.ones(2, LAYERS, RANK, WIDTH)
    made = decoder(layers, tokens)
    assert float((made[:, :, 0] - made[:, :, 1]).abs().median()) > 0.01
    decoder.ranks.zero_()
    made = decoder(layers, tokens)
    torch.testing.assert_close(made[:, :, 0], made[:, :, 1])


@torch.no_grad()
def test_pairs_of_a_layer_see_each_other_and_layers_do_not() -> None:
    encoder, decoder = drawn(LayerEncoder(LAYERS, RANK, SIZE, WIDTH)), drawn(LayerDecoder(LAYERS, RANK, SIZE, WIDTH), 1)
    entering = pairs()
    before = decoder(*encoder(entering))
    assert before.shape == (2, LAYERS, RANK, SIZE)
    entering[1, 2, 0, 0] += 1.0
    changed = (decoder(*encoder(entering)) != before).any(dim=3)  # (2, L, r)
    expected = torch.zeros(2, LAYERS, RANK, dtype=torch.bool)
    expected[1, 2] = True
    assert torch.equal(changed, expected)


@torch.no_grad()
def test_layers_have_linear_maps_of_their_own() -> None:
    """The same pairs in every layer: told apart by what they enter by."""
    encoder = drawn(LayerEncoder(LAYERS, RANK, SIZE, WIDTH))
    layers, _ = encoder(pairs()[:, :1].expand(-1, LAYERS, -1, -1))
    assert float((layers[:, 0] - layers[:, 1]).abs().median()) > 0.01


@torch.no_grad()
@pytest.mark.parametrize(("rank", "channels"), [(1, 16), (3, 6), (4, 4)])
def test_attention_has_a_head_for_each_pair(rank: int, channels: int) -> None:
    """Against softmax attention written out head by head; a rank of 3 does not divide the width of 16."""
    attention = drawn(PairAttention(rank, WIDTH))
    tokens = torch.randn(5, 1, rank, WIDTH, generator=torch.Generator().manual_seed(3))
    query, key, value = attention.query_key_value(attention.norm(tokens[:, 0])).chunk(3, dim=-1)  # (5, r, heads * c)
    heads = [slice(channels * head, channels * (head + 1)) for head in range(rank)]
    read = [
        torch.softmax(query[..., head] @ key[..., head].mT / channels**0.5, dim=-1) @ value[..., head] for head in heads
    ]
    assert query.shape[-1] == channels * rank
    expected = tokens[:, 0] + attention.projection(torch.cat(read, dim=-1))
    torch.testing.assert_close(attention(tokens)[:, 0], expected, atol=1e-4, rtol=1e-4)


def test_noise_of_more_entries_than_a_token_has_can_be_told() -> None:
    """What keeping the pairs' tokens is for: three pairs of ten entries of pure noise, a layer token of sixteen.

    The best that a linear map through 16 of the 30 entries can do is to lose 14 of 30 of the variance.
    """
    encoder, decoder = LayerEncoder(1, RANK, SIZE, WIDTH), LayerDecoder(1, RANK, SIZE, WIDTH)
    parameters = [*drawn(encoder, 0, 0.2).parameters(), *drawn(decoder, 1, 0.2).parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.0)
    generator = torch.Generator().manual_seed(4)
    losses = []
    for _ in range(200):
        noise = torch.randn(32, 1, RANK, SIZE, generator=generator)
        loss = (decoder(*encoder(noise)) - noise).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-20:]) / 20 < 0.5 * 14 / 30
