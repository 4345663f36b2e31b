"""The standalone MLP of the mLoRA paper: learned Fourier features, then ReLU layers, K instances at once.

Yang et al., *Weight Space Representation Learning with Neural Fields* (arXiv 2512.01759), sections 3.4 and 8.1. The text
has "a Fourier feature layer followed by two linear layers"; the counts of its Table 1 (30,196 weights for shapes, 99 wide;
27,357 for images, 94 wide) are exactly those of a Fourier layer, three hidden layers and an output, and so it is here.
The asymmetric mask is on the three hidden matrices (27,226 and 24,537 free weights, exactly).

Shapes in comments: K instances, D weights, P points, d coordinates, c channels, H hidden units, F frozen in a row.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from hdray.fields.alignment import padded
from hdray.fields.autograd_gradient import AutogradGradient
from hdray.fields.field import check_call
from hdray.fields.fourier import fourier_features
from hdray.fields.layout import Layout, linear_layout
from hdray.fields.masks import FrozenEntries, draw_positions, mask_names
from hdray.fields.precision import DTYPES
from hdray.fields.relu_layer import relu_layer
from hdray.fields.settings import FieldSettings

NOTHING: Mapping[str, Tensor] = {}


class FourierMLPField:
    """Functions from coordinates to logits, indexed by a vector: Fourier layer, hidden layers, output, in that order.

    With `settings.asymmetric`, entries of the hidden matrices are frozen, and not in the vectors: see hdray/fields/masks.py.
    """

    def __init__(
        self, settings: FieldSettings, dimension: int = 3, channels: int = 1, shared: Mapping[str, Tensor] = NOTHING
    ) -> None:
        """`shared`: the masks of `draw_masks`; nothing unless `settings.asymmetric`.

        Raises ValueError where the masks are not those of the hidden matrices.
        """
        self.settings = settings
        self.dimension = dimension
        self.channels = channels
        whole = _whole_layout(settings, dimension, channels)
        wanted = {name for piece in _hidden_matrices(settings, whole) for name in mask_names(piece)}
        if set(shared) != wanted:
            raise ValueError(
                f"field.asymmetric = {settings.asymmetric} needs {len(wanted)} tensors of masks, {len(set(shared) & wanted)} "
                f"of which are among the {len(shared)} given"
            )
        self.frozen = FrozenEntries(whole, shared)
        self.layout = self.frozen.layout

    @staticmethod
    def draw_masks(
        settings: FieldSettings, generator: torch.Generator, dimension: int = 3, channels: int = 1
    ) -> dict[str, Tensor]:
        """What instances share: where entries are frozen, and their values; nothing unless `settings.asymmetric`.

        The paper draws frozen entries from N(0, kappa) and free ones from N(0, 1), kappa = 6. Read: kappa is a variance, and
        what counts is the ratio of the two. Free entries start with the variance 1 / (3 H) here (see `initialise`), so
        frozen ones are drawn from N(0, kappa / (3 H)).
        """
        whole = _whole_layout(settings, dimension, channels)
        masks = {}
        for name in _hidden_matrices(settings, whole):
            positions, values = mask_names(name)
            masks[positions] = draw_positions(settings.width, settings.width, generator)
            deviation = math.sqrt(settings.frozen_variance / (3 * settings.width))
            masks[values] = torch.randn(masks[positions].shape, generator=generator) * deviation
        return masks

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, c) in float32 of vectors theta (K, D) at coords (K, P, d); differentiable in both, once.

        `precision` ("fp32" or "bf16") is that of the products with hidden layers; the sines are always float32.
        """
        check_call(theta, coords, self.layout.size, self.dimension)
        pieces = self.frozen.whole.split(self.frozen.complete(theta.float()))
        dtype = DTYPES[precision]
        first, phase = padded(pieces[0], -2), padded(pieces[1], -1)  # H in whole lines from here on
        hidden = fourier_features(coords.float(), first, phase, self.settings.omega).to(dtype)
        for layer in range(2, len(pieces) - 2, 2):
            weight, bias = padded(pieces[layer], -2, -1).to(dtype), padded(pieces[layer + 1], -1).to(dtype)
            hidden = relu_layer(hidden, weight, bias)  # (K, P, H)
        weight, bias = padded(pieces[-2], -1).to(dtype), pieces[-1].to(dtype)
        return torch.baddbmm(bias.unsqueeze(1), hidden, weight.transpose(1, 2)).float()

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (D,): frequencies and phases from N(0, 1), all other layers as torch.nn.Linear draws them.

        The paper draws "other weights" from N(0, 1), with which hidden layers of 99 units would multiply what they get by
        seven, layer after layer; it is taken for the unit in which kappa is given. torch.nn.Linear draws uniformly within
        1 / sqrt(inputs): variance 1 / (3 inputs).
        """
        whole = torch.empty(self.frozen.whole.size)
        inputs = 1
        for piece in self.frozen.whole:
            entries = whole[piece.start : piece.stop]
            if piece.kind == "weight":
                inputs = piece.shape[1]
            if piece.layer == 0:
                entries.normal_(generator=generator)
            else:
                bound = 1.0 / math.sqrt(inputs)
                entries.uniform_(-bound, bound, generator=generator)
        return self.frozen.without(whole)

    def gradient(
        self, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str
    ) -> AutogradGradient:
        """Loss and gradient at points given as codes; `levels` (L,) float32 are the coordinates that codes stand for."""
        return AutogradGradient(self, slots, points, levels, precision, device)


def _whole_layout(settings: FieldSettings, dimension: int, channels: int) -> Layout:
    return linear_layout([dimension] + [settings.width] * (settings.layers + 1) + [channels])


def _hidden_matrices(settings: FieldSettings, whole: Layout) -> list[str]:
    """Names of the matrices that have a mask."""
    if not settings.asymmetric:
        return []
    return [piece.name for piece in whole if piece.kind == "weight" and 1 <= piece.layer <= settings.layers]
