"""A base network adapted by pairs of vectors, a few for each layer: additive and multiplicative LoRA, K instances at once.

Yang et al., *Weight Space Representation Learning with Neural Fields*, sections 3.1 to 3.4. A layer's matrix W becomes
W + BA (additive) or W * BA entry by entry (multiplicative, mLoRA, Eq. 3), A being the rows a_i of its pairs and B the columns
b_i. What the paper leaves open, and how it is read here:

- W is the base's matrix after modulation, at its fixed code, *and* demodulation. Figure 7(c) shows matrices adapted, nothing
  of their order. Were rows brought to length 1 after the product, b_i would scale output channels in vain at rank 1, where
  the paper says that this is what it does (Corollary 2.2).
- The Fourier layer is the instance's own, biases and output are the base's; of several channels the output's bias is the
  instance's own too. With the mask, the Fourier weight stays the base's, and only its bias is the instance's. Inferred from
  Table 1: with 2 * blocks + 1 adapted layers these rules give 29,696 and 27,539 weights for shapes (rank 3), and 27,395 for
    images (rank 4); the 26,307 of images with the mask come out if 9 of the 13 layers have one. (Rows of a Fourier weight are
  shorter than the number of entries that the mask freezes in a row.)

Cost: at P points a step, adapting takes 2 r H^2 operations a layer and the layer itself 2 P H^2. With P = 2,048 and r = 3
adapting is 0.15 % of the work; the adapted matrices are H / P of the activations' memory. Points dominate throughout.

Shapes in comments: K instances, D entries of a vector, P points, d coordinates, c channels, L layers, H width, r rank.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from hdray.fields.alignment import padded
from hdray.fields.base_network import BaseNetwork, modulated_layers, synthesise
from hdray.fields.field import check_call
from hdray.fields.fourier import fourier_features
from hdray.fields.layout import Layout, layout_of
from hdray.fields.lora_gradient import LoRAGradient
from hdray.fields.masks import FrozenEntries, draw_positions, mask_names
from hdray.fields.precision import DTYPES
from hdray.fields.settings import FieldSettings

NEAR = 0.01
"""Standard deviation of what tells pairs apart that start close to changing nothing; with equal pairs gradients stay equal."""


class LoRAField:
    """Functions from coordinates to logits, indexed by vectors: the Fourier layer, then each layer's pairs, a before b.

    What instances share is the base network's state dict, and the masks of `draw_masks`. It is never written to.
    """

    def __init__(
        self,
        settings: FieldSettings,
        multiplicative: bool,
        shared: Mapping[str, Tensor],
        dimension: int = 3,
        channels: int = 1,
    ) -> None:
        """Raises ValueError for shared tensors that are not those of a base of these settings."""
        self.settings = settings
        self.multiplicative = multiplicative
        self.dimension = dimension
        self.channels = channels
        base = BaseNetwork(settings, dimension, channels)
        masks = {name: tensor for name, tensor in shared.items() if name.startswith("masks.")}
        if bool(masks) != settings.asymmetric:
            raise ValueError(
                f"field.asymmetric = {settings.asymmetric} and {len(masks)} tensors of masks do not go together"
            )
        # Codes of the shapes that the base was trained on may come with it.
        _load(base, {name: shared[name] for name in shared if not name.startswith(("masks.", "latents."))})
        with torch.no_grad():
            self._base = {
                "weights": padded(base.weights(base.latent.unsqueeze(0))[0], -2, -1),  # (L, H, H), H in whole lines
                "biases": padded(base.biases, -1),  # (L, H), too
                "fourier.weight": base.fourier.weight.clone(),  # (H, d)
                "fourier.bias": base.fourier.bias.clone(),  # (H,)
                "output.weight": padded(base.output.weight.clone(), -1),  # (c, H), too
                "output.bias": base.output.bias.clone(),  # (c,)
            }
        self._moved = {torch.device("cpu"): self._base}
        self.frozen = FrozenEntries(_whole_layout(settings, dimension, channels), masks)
        self.layout = self.frozen.layout

    @staticmethod
    def draw_masks(settings: FieldSettings, multiplicative: bool, generator: torch.Generator) -> dict[str, Tensor]:
        """Where entries of every a_i are frozen, and their values, to be shared; nothing unless `settings.asymmetric`.

        Values are 0 for products. For sums they are drawn with `frozen_variance` times the variance that free entries start
        with: the paper draws from N(0, kappa) what others draw from N(0, 1), kappa being read as a variance.
        """
        masks = {}
        for layer in range(1, modulated_layers(settings) + 1) if settings.asymmetric else ():
            positions, values = mask_names(f"layers.{layer}.a")
            masks[positions] = draw_positions(settings.rank, settings.width, generator)
            deviation = 0.0 if multiplicative else math.sqrt(settings.frozen_variance) * _deviation(settings)
            masks[values] = torch.randn(masks[positions].shape, generator=generator) * deviation
        return masks

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, c) in float32 of vectors theta (K, D) at coords (K, P, d); differentiable in both, once.

        `precision` ("fp32" or "bf16") is that of the products with adapted matrices; adapting and sines are float32.
        """
        check_call(theta, coords, self.layout.size, self.dimension)
        count = len(theta)
        base = self._on(theta.device)
        own = dict(base)
        whole = self.frozen.complete(theta.float())
        for piece, values in zip(self.frozen.whole, self.frozen.whole.split(whole), strict=True):
            if piece.kind in ("weight", "bias"):
                own[piece.name] = values
        first, phase = (
            padded(own["fourier.weight"], -2),
            padded(own["fourier.bias"], -1),
        )  # H in whole lines from here on
        features = fourier_features(
            coords.float(), first.expand(count, -1, -1), phase.expand(count, -1), self.settings.omega
        )
        hidden = synthesise(features, self.adapted(whole).to(DTYPES[precision]), base["biases"])
        weight = base["output.weight"].to(hidden.dtype).expand(count, -1, -1).transpose(1, 2)  # (K, H, c)
        bias = own["output.bias"].to(hidden.dtype).expand(count, -1).unsqueeze(1)  # (K, 1, c)
        return torch.baddbmm(bias, hidden, weight).float()

    def adapted(self, whole: Tensor) -> Tensor:
        """The matrices (K, L, H, H) float32 that whole vectors (K, D_whole) make of the base's, with zeros up to whole lines."""
        pairs = padded(self._pairs(whole), -1)
        product = torch.matmul(pairs[:, :, 1].transpose(-1, -2), pairs[:, :, 0])  # BA, (K, L, H, H)
        weights = self._on(whole.device)["weights"]
        return weights * product if self.multiplicative else weights + product

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (D,): the base's Fourier layer, and pairs that start as `settings.lora_start` says.

        normal: all entries from N(0, 1), as the paper's Algorithm 1. identity: BA close to what changes nothing, as the
        author's layer for language models starts. Of products, b = 1 and a = 1 / r (1 / number of pairs whose entry is not
        frozen) + N(0, 0.01^2); of sums, b = 0 and a from N(0, 1 / H).
        """
        settings = self.settings
        whole = torch.zeros(self.frozen.whole.size)
        for piece in self.frozen.whole:
            if piece.kind in ("weight", "bias"):
                whole[piece.start : piece.stop] = self._base[piece.name].flatten()
        pairs = self._pairs(whole.unsqueeze(0))[0]  # (L, 2, r, H), a view
        drawn = torch.randn(pairs.shape, generator=generator)
        if settings.lora_start == "normal":
            pairs.copy_(drawn)
        elif self.multiplicative:
            free = self._pairs(self.frozen.is_free.unsqueeze(0))[0, :, 0].float()  # (L, r, H)
            pairs[:, 0] = free / free.sum(dim=1, keepdim=True).clamp_min(1) + NEAR * drawn[:, 0]
            pairs[:, 1] = 1.0
        else:
            pairs[:, 0] = _deviation(settings) * drawn[:, 0]
        return self.frozen.without(whole)

    def balance(self, theta: Tensor) -> Tensor:
        """Vectors theta (K, D) with each pair scaled so that a_i and b_i are equally long: the same functions.

        (s a, b / s) is the same pair for every s. Signs stay as they are: instances start with the same ones, and a rule that
        flips some would tear similar ones apart. Pairs with a vector of zeros add nothing, and stay too. Frozen entries
        must be 0, as they are scaled with the rest.
        """
        whole = self.frozen.complete(theta.float()).clone()
        pairs = self._pairs(whole)  # (K, L, 2, r, H), a view
        lengths = pairs.norm(dim=-1, keepdim=True)  # (K, L, 2, r, 1)
        scale = (lengths[:, :, 1] / lengths[:, :, 0]).sqrt()
        scale = torch.where((lengths > 0).all(dim=2), scale, 1.0)
        pairs[:, :, 0] *= scale
        pairs[:, :, 1] /= scale
        return self.frozen.without(whole)

    def rescaled(self, theta: Tensor) -> Tensor:
        """Vectors (K, D) as they are kept: balanced where `settings.gauge` asks for it, as they are otherwise."""
        return self.balance(theta) if self.settings.gauge else theta

    def gradient(
        self, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str
    ) -> LoRAGradient:
        """Loss and gradient at points given as codes; `levels` (L,) float32 are the coordinates that codes stand for."""
        if self.channels != 1:
            raise ValueError(f"gradients of occupancy losses need a field of 1 channel, not {self.channels}")
        omega, base = self.settings.omega, self._on(torch.device(device))
        return LoRAGradient(base, self.frozen, omega, self.multiplicative, slots, points, levels, precision, device)

    def _pairs(self, whole: Tensor) -> Tensor:
        """The view (K, L, 2, r, H) of all pairs of whole vectors (K, D_whole): they lie one after the other."""
        pairs = [piece for piece in self.frozen.whole if piece.kind in ("a", "b")]
        shape = (len(pairs) // 2, 2, *pairs[0].shape)
        return whole[:, pairs[0].start : pairs[-1].stop].unflatten(1, shape)

    def _on(self, device: torch.device) -> dict[str, Tensor]:
        if device not in self._moved:
            with torch.inference_mode(False):  # other calls may want gradients
                self._moved[device] = {name: tensor.to(device) for name, tensor in self._base.items()}
        return self._moved[device]


def _deviation(settings: FieldSettings) -> float:
    """Standard deviation that entries of a start with in sums."""
    return 1.0 if settings.lora_start == "normal" else 1.0 / math.sqrt(settings.width)


def _whole_layout(settings: FieldSettings, dimension: int, channels: int) -> Layout:
    parts: list[tuple[str, int, str, tuple[int, ...], tuple[str, ...]]] = []
    width = settings.width
    if not settings.asymmetric:
        parts.append(("fourier.weight", 0, "weight", (width, dimension), ("out", "in")))
    parts.append(("fourier.bias", 0, "bias", (width,), ("out",)))
    layers = modulated_layers(settings)
    for layer in range(1, layers + 1):
        parts.append((f"layers.{layer}.a", layer, "a", (settings.rank, width), ("rank", "in")))
        parts.append((f"layers.{layer}.b", layer, "b", (settings.rank, width), ("rank", "out")))
    if channels > 1:
        parts.append(("output.bias", layers + 1, "bias", (channels,), ("out",)))
    return layout_of(parts)


def _load(base: BaseNetwork, weights: Mapping[str, Tensor]) -> None:
    """Put the shared weights into the network; ValueError where they are not its own."""
    wanted = {name: tuple(tensor.shape) for name, tensor in base.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    wrong = [name for name in sorted(wanted.keys() | given.keys()) if wanted.get(name) != given.get(name)]
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"{len(wrong)} shared tensors are not those of a base of these settings: {name}, for one, should be "
            f"{wanted.get(name, 'absent')} and is {given.get(name, 'absent')}"
        )
    base.load_state_dict(dict(weights))
