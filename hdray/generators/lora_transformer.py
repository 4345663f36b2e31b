"""The denoising network for weights of low rank: a token transformer over layers, each encoded from its pairs.

Shapes: B vectors, D entries, L layers of one shape, r pairs in a layer, P entries of a pair, E layers of any shape, W
width.
"""

import math

import torch
from torch import Tensor, nn

from hdray.generators.lora_encoder import LayerDecoder, LayerEncoder
from hdray.generators.lora_layers import arrange
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.transformer import DEVIATION, TokenTransformer


class LoraTransformer(TokenTransformer):
    """Maps noisy vectors of pairs and their diffusion step to vectors of the same size.

    Layers of one shape pass an encoder and a decoder as one batch; tokens of layers get the layer encoding on entering the
    transformer. Pieces that are no pairs are tokens as in HyperDiffusion. With pairs of rank 3 in nine layers of 512
    channels and a Fourier layer of as many (ShapeNet, as inferred from the paper's Table 1), width 2,880, 12 layers and
    16 heads it has 1,351,808,640 parameters, where HyperDiffusion's network has 1,366,704,000.
    """

    order: Tensor
    back: Tensor

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one of pairs (`arrange`)."""
        arrangement = arrange(layout)
        self.groups = arrangement.groups
        super().__init__(arrangement.singles, settings, embedded=sum(group.count for group in self.groups))
        shapes = [(group.count, group.rank, group.size, settings.width) for group in self.groups]
        self.encoders = nn.ModuleList(LayerEncoder(*shape) for shape in shapes)
        self.decoders = nn.ModuleList(LayerDecoder(*shape) for shape in shapes)
        # They follow from the layout, so they are not saved.
        self.register_buffer("order", arrangement.order, persistent=False)
        self.register_buffer("back", arrangement.order.argsort(), persistent=False)

    def initialise(self, generator: torch.Generator) -> None:
        """As the token transformer: matrices from N(0, 0.02^2); biases and layer encodings are zero, norms the identity.

        Rank encodings are from N(0, 1), as pairs enter alike otherwise, and pairs enter with a variance of about 1, which
        no norm gives them.
        """
        super().initialise(generator)
        for module in self.modules():
            if isinstance(module, LayerEncoder):
                module.input.initialise(generator, 1 / math.sqrt(module.input.weight.shape[1]))
            elif isinstance(module, LayerDecoder):
                module.output.initialise(generator, DEVIATION)
            if isinstance(module, LayerEncoder | LayerDecoder):
                with torch.no_grad():
                    module.ranks.normal_(generator=generator)

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
