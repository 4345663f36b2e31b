"""A field over space and time, and one moment of it as a field over space."""

import torch
from torch import Tensor

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings


def field_of(settings: MLPSettings, frames: int) -> MLPField:
    """The field of still shapes (3 coordinates; frames 0) or of animations (4, the last one time)."""
    return MLPField(settings, dimension=4 if frames else 3)


class FrozenTime:
    """The field of space that a field over space and time is at one moment."""

    def __init__(self, field: MLPField, time: float) -> None:
        self.field, self.time = field, time

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, 1) of theta (K, D) at coords (K, P, 3)."""
        return self.field(theta, torch.nn.functional.pad(coords, (0, 1), value=self.time), precision)
