"""The network that instances share: an MLP over coordinates, modulated by a latent code, K codes at once.

Yang et al., *Weight Space Representation Learning with Neural Fields*, sections 3.3 and 8.2: a mapping network turns a code
into a style; a Fourier layer is followed by residual blocks of two modulated layers. Before a layer's matrix is used, its
columns are scaled by an affine function of the style and its rows then brought to length 1 (demodulation). The paper leaves
open what lies between the Fourier layer and the blocks, and how the output is computed. Here one more modulated layer
comes first (2 * blocks + 1 in all, the number that its counts of weights suggest) and the output is linear, not modulated.

Shapes in comments: K instances, P points, d coordinates, c channels, H width, S width of styles, L modulated layers.
"""

import torch
from torch import Tensor, nn

from hdray.fields.fourier import fourier_features
from hdray.fields.relu_layer import relu_layer
from hdray.fields.settings import FieldSettings

EPSILON = 1e-8
"""Added to the squared length of a row before the root, as published."""


def modulated_layers(settings: FieldSettings) -> int:
    """L: one after the Fourier layer, then two for each block."""
    return 2 * settings.blocks + 1


def synthesise(features: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """What the modulated layers make of Fourier features (K, P, H), in the type of the weights: (K, P, H).

    Args:
        weights: (K, L, H, H), modulated and demodulated or adapted. biases: (L, H).
    """
    hidden = features.to(weights.dtype)
    # One call for all layers: taken one by one, each would fill zeros for all the others on the way back.
    matrices = weights.unbind(1)  # L of (K, H, H)
    offsets = biases.to(weights.dtype).expand(len(weights), -1, -1).unbind(1)  # L of (K, H)
    hidden = relu_layer(hidden, matrices[0], offsets[0])
    for first in range(1, len(matrices), 2):
        inner = relu_layer(hidden, matrices[first], offsets[first])
        hidden = hidden + relu_layer(inner, matrices[first + 1], offsets[first + 1])
    return hidden


class ModulatedLinear(nn.Module):
    """A layer from H to H features whose matrix depends on a style."""

    def __init__(self, width: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, width))
        self.bias = nn.Parameter(torch.empty(width))
        self.affine = nn.Linear(style, width)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw anew: styles scale columns by 1 and a little, rows are brought to length 1 whatever theirs is."""
        self.weight.normal_(generator=generator)
        self.bias.zero_()
        _draw(self.affine, 1.0, generator)
        self.affine.bias.fill_(1.0)

    def forward(self, style: Tensor) -> Tensor:
        """Matrices (K, H, H) of styles (K, S), float32: columns scaled, then rows of length 1."""
        scales = self.affine(style).float()  # (K, H)
        modulated = self.weight.float() * scales.unsqueeze(1)
        return modulated * torch.rsqrt(modulated.square().sum(dim=2, keepdim=True) + EPSILON)


class BaseNetwork(nn.Module):
    """Functions from coordinates to logits, one for each latent code. Its state dict is what instances share.

    `latent` (the state dict's, not trained by gradients) is the code at which the network is frozen to be adapted: the mean
    over the instances it was trained on. Zero, the mode of the prior on codes, would do only if training left their mean there.
    """

    def __init__(self, settings: FieldSettings, dimension: int = 3, channels: int = 1) -> None:
        super().__init__()
        self.settings = settings
        self.dimension = dimension
        width, style = settings.width, settings.mapping_width
        inputs = [settings.latent] + [style] * (settings.mapping_layers - 1)
        self.mapping = nn.ModuleList(nn.Linear(before, style) for before in inputs)
        self.fourier = nn.Linear(dimension, width)
        self.layers = nn.ModuleList(ModulatedLinear(width, style) for _ in range(modulated_layers(settings)))
        self.output = nn.Linear(width, channels)
        self.latent: Tensor
        self.register_buffer("latent", torch.zeros(settings.latent))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew, and put the code at zero: the Fourier layer from N(0, 1), others by their inputs."""
        for part in self.mapping.children():
            _draw(part, 2.0, generator)
        self.fourier.weight.normal_(generator=generator)
        self.fourier.bias.normal_(generator=generator)
        for layer in self.layers.children():
            assert isinstance(layer, ModulatedLinear)
            layer.initialise(generator)
        _draw(self.output, 1.0, generator)
        self.latent.zero_()

    @property
    def biases(self) -> Tensor:
        """Biases (L, H) of the modulated layers."""
        return torch.stack([layer.get_parameter("bias") for layer in self.layers])

    def style(self, latent: Tensor) -> Tensor:
        """Styles (K, S) of codes (K, Z)."""
        for part in self.mapping:
            latent = torch.relu(part(latent))
        return latent

    def weights(self, latent: Tensor) -> Tensor:
        """The modulated matrices (K, L, H, H) of codes (K, Z), float32."""
        style = self.style(latent)
        return torch.stack([layer(style) for layer in self.layers], dim=1)

    def forward(self, latent: Tensor, coords: Tensor) -> Tensor:
        """Logits (K, P, c), float32, of codes (K, Z) at coords (K, P, d), float32.

        Products with modulated matrices are in the type that the module was cast to, or in autocast's; coordinates keep
        float32, as bf16 would round them to 1 part in 256.
        """
        count, kind = len(latent), coords.device.type
        weights = self.weights(latent)
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else self.output.weight.dtype
        with torch.autocast(kind, enabled=False):
            first, phase = self.fourier.weight.float(), self.fourier.bias.float()
            features = fourier_features(
                coords, first.expand(count, -1, -1), phase.expand(count, -1), self.settings.omega
            )
            hidden = synthesise(features, weights.to(dtype), self.biases)
            return nn.functional.linear(hidden.float(), self.output.weight.float(), self.output.bias.float())


def _draw(layer: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Weights of a Linear layer from N(0, gain / inputs), biases 0."""
    assert isinstance(layer, nn.Linear)
    layer.weight.normal_(generator=generator).mul_((gain / layer.in_features) ** 0.5)
    layer.bias.zero_()
