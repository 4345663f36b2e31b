"""Settings of field families."""

from dataclasses import dataclass

from hdray.settings import STRICT, check, check_choice, check_positive, later


@dataclass(frozen=True, kw_only=True)
class MLPSettings:
    """The HyperDiffusion field: a ReLU MLP over sines and cosines of the coordinates (section 4)."""

    __pydantic_config__ = STRICT

    width: int = 128
    """Units in each hidden layer."""
    layers: int = 3
    """Hidden layers."""
    frequencies: int = 4
    """Octaves of the positional encoding: 1, 2, 4, ... times the base, sine and cosine, the input kept beside them."""
    frequency_base: float = 1.0
    """Lowest angular frequency of the encoding, in radians per unit (1 as published; 3.14159 for pi)."""

    def __post_init__(self) -> None:
        check_positive(self, "width", "layers", "frequency_base")
        check("frequencies", self.frequencies, 0 <= self.frequencies <= 16, "between 0 and 16")


@dataclass(frozen=True, kw_only=True)
class VoxelSettings:
    """The field of the voxel baseline: a grid of logits, read linearly (HyperDiffusion, section 6.2)."""

    __pydantic_config__ = STRICT

    voxels: int = later(24)
    """Kind voxels only: voxels along each edge of the box (24 as published)."""

    def __post_init__(self) -> None:
        check("voxels", self.voxels, 2 <= self.voxels <= 256, "between 2 and 256")


@dataclass(frozen=True, kw_only=True)
class FourierSettings:
    """A first layer of learned Fourier features, and frozen entries (Yang et al., *Weight Space Representation Learning with Neural
    Fields*)."""

    __pydantic_config__ = STRICT

    omega: float = later(1.0)
    """Kinds fourier-mlp, lora, mlora: the first layer is sin(omega (W p + b)) (1 as published for shapes, 32 for images)."""
    asymmetric: bool = later(False)
    """Kinds fourier-mlp, lora, mlora: freeze a few entries of each row, so that hidden units cannot be permuted."""
    frozen_variance: float = later(6.0)
    """Asymmetric fourier-mlp and lora: variance of frozen entries over that of free ones at the start (6 as published)."""

    def __post_init__(self) -> None:
        check_positive(self, "omega", "frozen_variance")


@dataclass(frozen=True, kw_only=True)
class LoRASettings:
    """A base network that instances share, and how they adapt it (Yang et al., sections 3.1 to 3.3 and 8.2)."""

    __pydantic_config__ = STRICT

    rank: int = later(3)
    """Kinds lora, mlora: pairs of vectors (a, b) per adapted layer (3 for shapes, inferred from the published counts)."""
    lora_start: str = later("identity")
    """Kinds lora, mlora: pairs start close to changing nothing (identity), or are drawn from N(0, 1) (normal, as published)."""
    gauge: bool = later(False)
    """Kinds lora, mlora: scale each fitted pair so that a and b are equally long, which leaves the field as it is."""
    blocks: int = later(4)
    """Kinds lora, mlora: residual blocks of the base network, of two layers each, all `width` wide (4 of 512 as published)."""
    latent: int = later(128)
    """Kinds lora, mlora: entries of the latent code that the base network is trained with."""
    mapping_layers: int = later(4)
    """Kinds lora, mlora: layers of the network from a latent code to a style."""
    mapping_width: int = later(256)
    """Kinds lora, mlora: width of that network and of the style."""

    def __post_init__(self) -> None:
        check_positive(self, "rank", "blocks", "latent", "mapping_layers", "mapping_width")
        check_choice(self, "lora_start", ("identity", "normal"))


@dataclass(frozen=True, kw_only=True)
class MixtureSettings:
    """The mNIF field: a weighted mean of SIRENs (You et al. 2023); `width` and `layers` are those of one of them."""

    __pydantic_config__ = STRICT

    bases: int = later(256)
    """Kind mnif only: SIRENs M whose weighted mean is an instance's network."""
    mixing: str = later("latent")
    """Kind mnif only: coefficients projected from a latent (latent), or free, of each layer (layers) or of all (shared)."""
    context: int = later(512)
    """Kind mnif only: entries H of the latent, with mixing latent."""
    siren_frequency: float = later(30.0)
    """Kind mnif only: w0, by which the arguments of sines are multiplied, over a box from -1 to 1 (30, 50 in the code)."""
    siren_output: str = later("sine")
    """Kind mnif only: the last layer is a sine too (sine, as published for shapes) or linear."""
    siren_scale: float = later(5.0)
    """Kind mnif only: logit of the network's value 1; -1 stands for outside."""
    mixture_loss: str = later("mse")
    """Kind mnif only: mse (of values against -1 and 1, as published) or bce (of logits)."""
    adaptation: str = later("meta")
    """Kind mnif only: how bases and latents are found: meta (steps from zero that are learned too) or auto-decoding."""
    inner_steps: int = later(3)
    """Kind mnif only: gradient steps from the zero latent to an instance's, with adaptation meta."""
    inner_rate: float = later(0.03125)
    """Kind mnif only: what the learned rates of these steps, between 0 and 1, are multiplied by."""
    mixture_points: int = later(4_096)
    """Kind mnif only: points of an instance that a step of training the bases sees."""
    context_penalty: float = later(1e-3)
    """Kind mnif only: auto-decoding adds half of this times a latent's squared length to its loss."""

    def __post_init__(self) -> None:
        check_positive(self, "bases", "context", "siren_frequency", "siren_scale", "inner_steps", "inner_rate")
        check_positive(self, "mixture_points")
        check_choice(self, "mixing", ("latent", "layers", "shared"))
        check_choice(self, "siren_output", ("sine", "linear"))
        check_choice(self, "mixture_loss", ("mse", "bce"))
        check_choice(self, "adaptation", ("meta", "auto-decoding"))
        check("context_penalty", self.context_penalty, self.context_penalty >= 0, "0 or more")


@dataclass(frozen=True, kw_only=True)
class FieldSettings(MLPSettings, VoxelSettings, FourierSettings, LoRASettings, MixtureSettings):
    """What a shape becomes: the kind of field, and the settings of every kind; each reads its own."""

    __pydantic_config__ = STRICT

    kind: str = later("mlp")
    """mlp (HyperDiffusion's), voxels (a grid of logits), points (no field: the shape's surface points), fourier-mlp (an MLP
    after learned sines), lora or mlora (a common base network, adapted by sums or products of low rank), mnif (a mixture
    of SIRENs), or package.module:NAME, a kind of your own (docs/new-representation.md)."""

    def __post_init__(self) -> None:
        MLPSettings.__post_init__(self)
        VoxelSettings.__post_init__(self)
        FourierSettings.__post_init__(self)
        LoRASettings.__post_init__(self)
        MixtureSettings.__post_init__(self)
        from hdray.fields.kinds import kind_of  # which describes kinds by these settings

        kind_of(self.kind)
        # Scaling a pair would move its frozen entries; those of mlora are zeros, which stay.
        movable = not (self.gauge and self.asymmetric and self.kind == "lora")
        # In rows of one or two entries the root rounded up is all of them.
        check("width", self.width, self.width > 2 or not self.asymmetric, "3 or more with field.asymmetric")
        check("gauge", self.gauge, movable, "False with field.kind = lora and field.asymmetric")
