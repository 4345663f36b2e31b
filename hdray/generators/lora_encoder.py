"""From the pairs of a layer to one token, and from the token back to the pairs (mLoRA, section 3.5 and Figure 2).

All layers of one shape pass as one batch. Attention and encodings are theirs together; the Linear that a pair enters and
leaves by is each layer's own, as entry j of a pair is channel j of that layer of the base network, which has nothing to
do with channel j of another layer.

No norm lies on the way from a pair to its result, only on branches: where noise is predicted, the result is nearly the
noisy pair itself times a factor, and a norm would take away how long it is.

Shapes: B vectors, L layers of one shape, r pairs in a layer, P entries of a pair, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hdray.generators.layerwise_linear import LayerwiseLinear


class LayerEncoder(nn.Module):
    """A token for each layer, of its pairs.

    A pair enters through a Linear, gets the encoding of its rank index, and attends to the pairs of its layer. The
    paper does not say how they are aggregated: here by their mean, which prefers no pair, so that to permute pairs
    together with their encodings changes nothing. (No entry need be lost by it: each head has channels of its own for
    what it reads, and there is one head a pair.)
    """

    def __init__(self, layers: int, rank: int, size: int, width: int) -> None:
        super().__init__()
        self.input = LayerwiseLinear(layers, size, width)
        self.ranks = nn.Parameter(torch.zeros(rank, width))
        self.attention = PairAttention(rank, width)

    def forward(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Pairs (B, L, r, P) to a token for each layer, (B, L, W), and for each pair, (B, L, r, W)."""
        tokens = self.attention(self.input(pairs) + self.ranks)
        return tokens.mean(dim=2), tokens


class LayerDecoder(nn.Module):
    """The encoder in a mirror: a layer's token is spread over its pairs, which attend, and leave by a Linear.

    The paper leaves the way back open. A layer's token alone cannot do it where noise is predicted: that has as many
    degrees of freedom as the layer has entries, 3,072 at rank 3 and 512 channels, and a token has 2,880. So pairs keep
    the token that the encoder gave them, and what the layer's own says to each, of the other layers and of the diffusion
    step, scales and shifts it, as conditions come to a DiT.
    """

    def __init__(self, layers: int, rank: int, size: int, width: int) -> None:
        super().__init__()
        self.ranks = nn.Parameter(torch.zeros(rank, width))
        self.expand = nn.Linear(width, width)
        self.modulation = nn.Linear(width, 2 * width)
        self.attention = PairAttention(rank, width)
        self.output = LayerwiseLinear(layers, width, size)

    def forward(self, layers: Tensor, tokens: Tensor) -> Tensor:
        """Tokens of layers (B, L, W) and of pairs (B, L, r, W) to pairs (B, L, r, P)."""
        said = functional.gelu(self.expand(layers.unsqueeze(2) + self.ranks))  # (B, L, r, W)
        scale, shift = self.modulation(said).chunk(2, dim=-1)
        return self.output(self.attention(tokens * (1 + scale) + shift))


class PairAttention(nn.Module):
    """Pre-norm attention between the r pairs of a layer with r heads (as published), added to its input.

    Heads have ceil(W / r) channels: W / r where r divides W, as it does in the paper.
    """

    def __init__(self, rank: int, width: int) -> None:
        super().__init__()
        self.heads = rank
        inner = rank * -(-width // rank)
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * inner)
        self.projection = nn.Linear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, r, W) to (B, L, r, W); every layer by itself."""
        split = self.query_key_value(self.norm(tokens)).unflatten(-1, (3, self.heads, -1))  # (B, L, r, 3, heads, c)
        query, key, value = split.permute(3, 0, 1, 4, 2, 5)  # (B, L, heads, r, c) each
        attended = functional.scaled_dot_product_attention(query, key, value)
        return tokens + self.projection(attended.transpose(2, 3).flatten(3))
