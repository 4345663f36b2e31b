"""What the instances of a field share: of which kinds that is trained, on what it depends, and how it is drawn.

Shared tensors go by name (`Mapping[str, Tensor]`): a base network or basis networks, which are trained on the points of
the training shapes before any shape is fitted, and the masks, which are drawn.
"""

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from hdray.fields.fourier_mlp import FourierMLPField
from hdray.fields.lora import LoRAField
from hdray.fields.settings import FieldSettings, MixtureSettings

BASE_KEYS = ("width", "blocks", "latent", "mapping_layers", "mapping_width", "omega")
"""Settings that a base network depends on: those of how it is adapted are none of them, so that lora and mlora share one."""
TRAINED = ("lora", "mlora", "mnif")
"""Kinds whose instances share what is trained."""


def shares(settings: FieldSettings) -> bool:
    """Whether instances of this kind share anything but the start of their fits."""
    return settings.kind in TRAINED or (settings.kind == "fourier-mlp" and settings.asymmetric)


def network_keys(settings: FieldSettings) -> dict[str, Any]:
    """What the trained networks depend on, of the settings of the field; empty for kinds without any."""
    if settings.kind not in TRAINED:
        return {}
    names = (
        [item.name for item in fields(MixtureSettings)] + ["width", "layers"] if settings.kind == "mnif" else BASE_KEYS
    )
    return {"network": "mnif" if settings.kind == "mnif" else "base"} | {
        f"field.{name}": getattr(settings, name) for name in names
    }


def draw_masks(settings: FieldSettings, generator: torch.Generator, dimension: int = 3) -> dict[str, Tensor]:
    """Masks for the instances of this kind; nothing unless `settings.asymmetric`."""
    if settings.kind == "fourier-mlp":
        return FourierMLPField.draw_masks(settings, generator, dimension)
    if settings.kind in ("lora", "mlora"):
        return LoRAField.draw_masks(settings, settings.kind == "mlora", generator)
    return {}
