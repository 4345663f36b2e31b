"""What all instances of an mNIF share: M SIRENs of one architecture, and the projection of a latent to their weights.

You et al. 2023 (mNIF), sections 3.1 and 3.2. Shapes in comments: M bases, N layers, H entries of a latent.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from hdray.fields.layout import Layout, linear_layout
from hdray.fields.settings import FieldSettings


def network_layout(settings: FieldSettings, dimension: int, channels: int) -> Layout:
    """Layout of one SIREN, a basis or the mean of all: N = `layers` + 1 fully connected layers.

    The paper counts L square matrices between the first and the last layer, so that N is its L + 2 and `layers` its
    L + 1: mNIF (S) with L = 4 and W = 64 has 16,961 weights for occupancy.
    """
    return linear_layout([dimension] + [settings.width] * settings.layers + [channels])


def latent_size(settings: FieldSettings) -> int:
    """Entries H of an instance's vector: of a latent that is projected, or of the mixture coefficients themselves."""
    if settings.mixing == "latent":
        return settings.context
    return settings.bases * (settings.layers + 1 if settings.mixing == "layers" else 1)


class MixtureBases(nn.Module):
    """The learnable parameters: `bases.<layer>.weight` (M, out, in), `bases.<layer>.bias` (M, out), and with mixing
    `latent` those of T (Eq. 10), `projection.weight` (N * M, H) and `projection.bias` (N * M,), layer after layer.

    Built on the meta device it counts them without memory.
    """

    def __init__(self, settings: FieldSettings, dimension: int = 3, channels: int = 1) -> None:
        super().__init__()
        self.count, self.omega = settings.bases, settings.siren_frequency
        widths = [piece.shape[1] for piece in network_layout(settings, dimension, channels) if piece.kind == "weight"]
        sizes = pairwise([*widths, channels])
        self.bases = nn.ModuleList(BasisLayer(settings.bases, inputs, outputs) for inputs, outputs in sizes)
        if settings.mixing == "latent":
            self.projection = nn.Linear(settings.context, len(self.bases) * settings.bases)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every basis as a SIREN of its own (Sitzmann et al. 2020, section 3.2); T as a new Linear, its bias 1 / M.

        The mean of M independent draws has weights that are sqrt(M) smaller than a SIREN's, as in the paper, which
        gives every basis its weight of 1 / M (appendix A.2.4) and changes nothing else.
        """
        for index, layer in enumerate(self.bases):
            weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
            inputs = weight.shape[2]
            bound = 1 / inputs if index == 0 else math.sqrt(6 / inputs) / self.omega
            weight.uniform_(-bound, bound, generator=generator)
            bias.uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)
        if hasattr(self, "projection"):
            bound = 1 / math.sqrt(self.projection.in_features)
            self.projection.weight.uniform_(-bound, bound, generator=generator)
            self.projection.bias.fill_(1 / self.count)


class BasisLayer(nn.Module):
    """One layer of all M bases."""

    weight: Tensor
    bias: Tensor

    def __init__(self, bases: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(bases, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(bases, outputs))
