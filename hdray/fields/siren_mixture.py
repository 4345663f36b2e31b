"""The mNIF field: a weighted mean of M SIRENs, whose weights a small vector decides, K instances at once.

You et al. 2023 (*Generative Neural Fields by Mixtures of Neural Implicit Functions*), section 3.2. Averaging comes
first and costs the same for any number of points: after it, an instance is one SIREN of `layers` hidden layers. Per
instance and step of fitting, mNIF (S) (M = 256, 16,961 weights) takes 8.7 MFLOP to average and, at 2,048 points, 69
MFLOP to evaluate; K instances share one reading of the 17 MB of bases.

Shapes in comments: K instances, H entries of a latent, M bases, N layers, P points, d coordinates, c channels.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hdray.fields.field import check_call
from hdray.fields.layout import Layout, Piece
from hdray.fields.mixture_bases import MixtureBases, latent_size
from hdray.fields.precision import DTYPES
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture_gradient import MixtureGradient

BOX_TO_SIREN = 2.0
"""SIREN's frequencies are for coordinates in [-1, 1]; ours are in [-0.5, 0.5]."""

ROW_MULTIPLE = 8
COLUMN_MULTIPLE = 16
"""Rows and columns of products over instances are padded to multiples of these: with odd numbers of them matrix libraries
take other kernels for the last ones, and an instance's last bits would depend on its place among the others. (Numbers of
bases and of a latent's entries are as given: where they are no multiples of 16, last bits may still depend on the place.)"""


class SirenMixture:
    """Functions from coordinates to logits, indexed by latents; what they share is trained before.

    The vector is the latent phi of Eq. 10 (mixing `latent`), or how much the coefficients alpha differ from 1 / M, of
    each layer (`layers`) or the same in all (`shared`; Table 4a). So the zero vector is always the plain mean network.

    The published network is trained to -1 outside and 1 inside by squared error. `values` are what it computes, and
    the logit is `siren_scale` times that: its zero, the published surface, is probability 0.5 at any scale, and at 5, as
    a sine ends at -1 and 1, the probabilities of full outside and inside are 0.007 and 0.993. (Reading the value as
    2p - 1 instead would make logits infinite where the sine peaks.)
    """

    def __init__(
        self, settings: FieldSettings, shared: Mapping[str, Tensor], dimension: int = 3, channels: int = 1
    ) -> None:
        """`shared`: the parameters of a MixtureBases by name; where adaptation was meta-learned also `rates` (H,).

        Other names are not looked at. Raises ValueError for tensors that are missing or of another shape.
        """
        self.settings, self.dimension, self.channels = settings, dimension, channels
        size = latent_size(settings)
        self.layout = Layout((Piece("latent", 0, "latent", (size,), ("latent",), 0, size),))
        with torch.device("meta"):
            wanted = {name: part.shape for name, part in MixtureBases(settings, dimension, channels).named_parameters()}
        if "rates" in shared:
            wanted["rates"] = torch.Size((size,))
        for name, shape in wanted.items():
            found = tuple(shared[name].shape) if name in shared else None
            if found != tuple(shape):
                raise ValueError(f"{name} of what the mixture shares is {found}; these settings need {tuple(shape)}")
        self.shared = {name: shared[name] for name in wanted}
        self._rounded: dict[tuple[str, torch.device], list[Tensor]] = {}
        self.depth = settings.layers + 1  # N

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, c) in float32 of latents theta (K, H) at coords (K, P, d); differentiable in both.

        `precision` ("fp32" or "bf16") is that of the matrix products over points, but for the first layer's, whose
        angles are too large for bf16; averaging, little work for many points, is float32.
        """
        check_call(theta, coords, self.layout.size, self.dimension)
        return self.prepared(theta)(coords, precision)

    def prepared(self, theta: Tensor) -> Callable[[Tensor, str], Tensor]:
        """What gives the logits (K, P, c) of latents theta (K, H) at any coords (K, P, d): averaged here, once."""
        networks = self.networks(theta)

        def logits(coords: Tensor, precision: str) -> Tensor:
            return self.evaluate(networks, coords, precision).float() * self.settings.siren_scale

        return logits

    def values(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """What the averaged networks compute, (K, P, c): the output of Eq. 6, of theta's dtype or bf16."""
        check_call(theta, coords, self.layout.size, self.dimension)
        return self.evaluate(self.networks(theta), coords, precision)

    def evaluate(self, networks: Sequence[tuple[Tensor, Tensor]], coords: Tensor, precision: str = "fp32") -> Tensor:
        """Values (K, P, c) of averaged networks, as `networks` gives them, at coords (K, P, d)."""
        exact = networks[0][0].dtype
        dtype = {"fp32": exact, "bf16": torch.bfloat16}[precision]
        hidden = coords.to(exact) * BOX_TO_SIREN
        for layer, (weight, bias) in enumerate(networks):
            sine = layer < self.depth - 1 or self.settings.siren_output == "sine"
            if sine:  # scaled here, where weights are fewer than activations
                weight, bias = weight * self.settings.siren_frequency, bias * self.settings.siren_frequency
            if layer > 0:
                hidden, weight, bias = hidden.to(dtype), weight.to(dtype), bias.to(dtype)
            hidden = torch.baddbmm(bias.unsqueeze(1), hidden, weight.transpose(1, 2))
            if sine:
                hidden = torch.sin(hidden)
        return hidden

    def networks(self, theta: Tensor, weights: Sequence[Tensor] | None = None) -> list[tuple[Tensor, Tensor]]:
        """The averaged network of each instance (Eq. 9): a layer's weight (K, out, in) and bias (K, out), of theta's dtype.

        `weights`: those of the bases as `rounded` gives them, which averages them in its precision; by default in theirs.
        """
        shared, count = self.shared_on(theta.device), len(theta)
        padded = functional.pad(theta, (0, 0, 0, -count % ROW_MULTIPLE))
        layers = []
        for layer, mixture in enumerate(self.coefficients(padded).unbind(1)):  # (K rounded up, M)
            weight = weights[layer] if weights else shared[f"bases.{layer}.weight"]
            bias = shared[f"bases.{layer}.bias"]
            outputs = bias.shape[1]
            averaged = (mixture.to(weight.dtype) @ weight.flatten(1))[:count].to(theta.dtype)
            biases = (mixture @ functional.pad(bias, (0, -outputs % COLUMN_MULTIPLE)))[:count, :outputs]
            layers.append((averaged.unflatten(1, weight.shape[1:]), biases))
        return layers

    def rounded(self, precision: str, device: torch.device) -> list[Tensor]:
        """The bases' weights (M, out, in), layer by layer, in the precision that products over points take them in.

        They are rounded once: what a field for fits shares does not change.
        """
        shared = self.shared_on(device)
        if (precision, device) not in self._rounded:
            first, *others = [shared[f"bases.{layer}.weight"] for layer in range(self.depth)]
            self._rounded[precision, device] = [first, *(weight.to(DTYPES[precision]) for weight in others)]
        return self._rounded[precision, device]

    def coefficients(self, theta: Tensor) -> Tensor:
        """Mixture coefficients alpha (K, N, M) of latents (K, H) (Eq. 10)."""
        settings = self.settings
        if settings.mixing == "latent":
            shared = self.shared_on(theta.device)
            projected = functional.linear(theta, shared["projection.weight"], shared["projection.bias"])
            return projected.unflatten(1, (self.depth, settings.bases))
        return (1 / settings.bases + theta).unflatten(1, (-1, settings.bases)).expand(-1, self.depth, -1)

    def bases(self) -> list[Tensor]:
        """Weights (M, out, in) of the basis networks, layer by layer."""
        return [self.shared[f"bases.{layer}.weight"] for layer in range(self.depth)]

    def shared_on(self, device: torch.device) -> dict[str, Tensor]:
        """What instances share, on a device; it is moved there once, whether gradients are wanted of that call or not."""
        if next(iter(self.shared.values())).device != device:
            with torch.inference_mode(False):
                self.shared = {name: tensor.to(device) for name, tensor in self.shared.items()}
        return self.shared

    def initialise(self, generator: torch.Generator) -> Tensor:
        """The vector (H,) of zeros, the plain mean of the bases, which adaptation and descent start from."""
        return torch.zeros(self.layout.size)

    def adaptation(self, device: torch.device) -> tuple[int, Tensor] | None:
        """The steps that bases were meta-learned for, and their sizes (H,); None for bases without such."""
        return (self.settings.inner_steps, self.shared_on(device)["rates"]) if "rates" in self.shared else None

    def gradient(
        self, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str
    ) -> MixtureGradient:
        """Loss and gradient in the latents at points given as codes, for `slots` instances of `points` points a call.

        Args:
            levels: (L,) float32, the coordinate that each integer code stands for.
        """
        if self.channels != 1:
            raise ValueError(f"gradients of occupancy losses need a field of 1 channel, not {self.channels}")
        return MixtureGradient(self, self.settings, slots, points, levels * BOX_TO_SIREN, precision, device)
