"""The denoising network for weights of low rank: a token transformer over layers, each encoded from its pairs.

Shapes: B vectors, D entries, L layers of one shape, r pairs in a layer, P entries of a pair, E layers of any shape, W
width.
"""

import torch
from torch import Tensor, nn

from hdray.generators.lora_encoder import LayerDecoder, LayerEncoder
from hdray.generators.lora_layers import arrange
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.transformer import TokenTransformer


class LoraTransformer(TokenTransformer):
    """Maps noisy vectors of pairs and their diffusion step to vectors of the same size.

    Layers of one shape share an encoder and a decoder and pass them as one batch; what tells them apart is the layer
    encoding, which they get on entering the transformer. Pieces that are no pairs are tokens as in HyperDiffusion.
    """

    order: Tensor
    back: Tensor

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one of pairs (`arrange`)."""
        arrangement = arrange(layout)
        self.groups = arrangement.groups
        super().__init__(arrangement.singles, settings, embedded=sum(group.count for group in self.groups))
        shapes = [(group.rank, group.size, settings.width) for group in self.groups]
        self.encoders = nn.ModuleList(LayerEncoder(*shape) for shape in shapes)
        self.decoders = nn.ModuleList(LayerDecoder(*shape) for shape in shapes)
        # They follow from the layout, so they are not saved.
        self.register_buffer("order", arrangement.order, persistent=False)
        self.register_buffer("back", arrangement.order.argsort(), persistent=False)

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """noisy (B, D) and integer timestep (B,) to (B, D), in the precision of the weights."""
        arranged = noisy.to(self.positions.dtype)[:, self.order]
        sizes = [*self.token_sizes, *(group.entries for group in self.groups)]
        pieces = arranged.split(sizes, dim=1)
        singles, grouped = pieces[: len(self.token_sizes)], pieces[len(self.token_sizes) :]
        layers, tokens = [], []
        for group, encode, entries in zip(self.groups, self.encoders, grouped, strict=True):
            of_layers, of_pairs = encode(entries.unflatten(1, (group.count, group.rank, group.size)))
            layers.append(of_layers)  # (B, L, W)
            tokens.append(of_pairs)  # (B, L, r, W)
        outputs, embedded = self.attend(singles, timestep, torch.cat(layers, dim=1))
        conditions = embedded.split([group.count for group in self.groups], dim=1)
        pairs = [decode(*known).flatten(1) for decode, *known in zip(self.decoders, conditions, tokens, strict=True)]
        return torch.cat([*outputs, *pairs], dim=1)[:, self.back]
