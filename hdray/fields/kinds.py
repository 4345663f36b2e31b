"""The kinds of representations that come with hdray, and how others are found: `package.module:NAME` of a Kind."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from hdray.errors import UserError
from hdray.fields.kind import Domain, Kind, Network
from hdray.fields.settings import FieldSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hdray.fields.build import Representation


def _mlp(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.mlp import MLPField

    return MLPField(settings, domain.dimension)


def _voxels(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.voxels import VoxelField

    return VoxelField(settings, domain.frames)


def _points(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.cloud import PointCloud

    return PointCloud(domain.surface_points)


def _fourier_mlp(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.fourier_mlp import FourierMLPField

    return FourierMLPField(settings, domain.dimension, shared=shared)


def _fourier_masks(settings: FieldSettings, generator: "torch.Generator", dimension: int) -> "dict[str, Tensor]":
    from hdray.fields.fourier_mlp import FourierMLPField

    return FourierMLPField.draw_masks(settings, generator, dimension)


def _lora(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.lora import LoRAField

    return LoRAField(settings, False, shared, domain.dimension)


def _lora_masks(settings: FieldSettings, generator: "torch.Generator", dimension: int) -> "dict[str, Tensor]":
    from hdray.fields.lora import LoRAField

    return LoRAField.draw_masks(settings, False, generator)


def _mlora(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.lora import LoRAField

    return LoRAField(settings, True, shared, domain.dimension)


def _mlora_masks(settings: FieldSettings, generator: "torch.Generator", dimension: int) -> "dict[str, Tensor]":
    from hdray.fields.lora import LoRAField

    return LoRAField.draw_masks(settings, True, generator)


def _mnif(settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
    from hdray.fields.siren_mixture import SirenMixture

    return SirenMixture(settings, shared, domain.dimension)


def _asymmetric(settings: FieldSettings) -> bool:
    return settings.asymmetric


def _base_keys(settings: FieldSettings) -> tuple[str, ...]:
    # Settings of how it is adapted are none of them, so that lora and mlora share one.
    return ("width", "blocks", "latent", "mapping_layers", "mapping_width", "omega")


def _bases_keys(settings: FieldSettings) -> tuple[str, ...]:
    # What hdray/fitting/mixture_training.py reads.
    mixture = ("width", "layers", "bases", "mixing", "siren_frequency", "siren_output")
    latent = ("context",) if settings.mixing == "latent" else ()
    loss = ("mixture_loss", "mixture_points", *(("siren_scale",) if settings.mixture_loss == "bce" else ()))
    way = ("inner_steps", "inner_rate") if settings.adaptation == "meta" else ("context_penalty",)
    return (*mixture, *latent, *loss, "adaptation", *way)


_BASE = Network(name="base", keys=_base_keys)
_BASES = Network(
    name="mnif",
    keys=_bases_keys,
    precisions=("fp32",),  # bf16 has no digit behind the point for angles of 30; fits round what is beyond whole turns
)
_PAIRS = ("lora-diffusion", "hyperdiffusion")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="mlp", build=_mlp, animations=True),
        Kind(
            name="voxels", build=_voxels, generators=("voxel-diffusion",), animations=True, frames_in_box=True
        ),
        Kind(name="points", build=_points, generators=("point-diffusion",), cloud=True),
        Kind(name="fourier-mlp", build=_fourier_mlp, draw=_fourier_masks, draws=_asymmetric, animations=True),
        Kind(name="lora", build=_lora, generators=_PAIRS, network=_BASE, draw=_lora_masks, draws=_asymmetric),
        Kind(name="mlora", build=_mlora, generators=_PAIRS, network=_BASE, draw=_mlora_masks, draws=_asymmetric),
        Kind(name="mnif", build=_mnif, generators=("latent-diffusion",), network=_BASES, zero_start=True),
    )
}  # fmt: skip
"""By the value of `field.kind`."""


def name_keys(kind: str) -> dict[str, str]:
    """What is recorded beside `field.kind` of a kind that does not come with hdray: the name of its Kind."""
    return {} if kind in KINDS else {"field.kind.name": kind_of(kind).name}


class UnknownKindError(UserError, ValueError):
    """A value of `field.kind` that names no kind: the user's to mend, in the configuration or where a worker runs."""


def kind_of(name: str) -> Kind:
    """The kind of this name, or the Kind that this Python path, `package.module:NAME`, leads to.

    Raises UnknownKindError naming what is wrong and what would be right.
    """
    if name in KINDS:
        return KINDS[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        right = f"one of {', '.join(KINDS)}, or package.module:NAME of a Kind of your own"
        raise UnknownKindError(f"kind = {name!r} is not accepted; it must be {right}")
    try:
        found = getattr(import_module(module), attribute, None)
    except Exception as error:  # whatever a module does when it is imported
        raise UnknownKindError(
            f"kind = {name!r} cannot be imported ({type(error).__name__}: {error}); the folder that holds "
            f"{module.partition('.')[0] or 'the package'} must be on PYTHONPATH, on every node"
        ) from error
    if not isinstance(found, Kind):
        is_ = f"is a {type(found).__name__}" if found is not None else "is not there"
        raise UnknownKindError(
            f"kind = {name!r} is not accepted; {attribute or 'the name'} in {module} must be a hdray.fields.kind.Kind, "
            f"and {is_}"
        )
    return found
