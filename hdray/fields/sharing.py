"""What the instances of a field share: on what trained networks depend, and what is drawn.

Shared tensors go by name (`Mapping[str, Tensor]`): a base network or basis networks, which are trained on the points of
the training shapes before any shape is fitted, and what is drawn for all, such as masks.
"""

from typing import Any

import torch
from torch import Tensor

from hdray.fields.kinds import kind_of, name_keys
from hdray.fields.settings import FieldSettings


def shares(settings: FieldSettings) -> bool:
    """Whether instances of this kind share anything but the start of their fits."""
    return kind_of(settings.kind).shares(settings)


def network_keys(settings: FieldSettings) -> dict[str, Any]:
    """What the trained networks depend on, of the settings of the field; empty for kinds without any."""
    network = kind_of(settings.kind).network
    if network is None:
        return {}
    keys = {"network": network.name} | {f"field.{name}": getattr(settings, name) for name in network.keys(settings)}
    own = {} if network.trainee is None else {"field.kind": settings.kind, **name_keys(settings.kind)}
    return keys | own


def draw_shared(settings: FieldSettings, generator: torch.Generator, dimension: int = 3) -> dict[str, Tensor]:
    """What is drawn for the instances of this kind, such as masks; often nothing."""
    kind = kind_of(settings.kind)
    if kind.draw is None or not kind.draws(settings):
        return {}
    return kind.draw(settings, generator, dimension)
