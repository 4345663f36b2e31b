"""One moment of a field over space and time, as a field over space."""

import torch
from torch import Tensor

from hdray.fields.field import Field


class FrozenTime:
    """The field of space that a field over space and time is at one moment."""

    def __init__(self, field: Field, time: float) -> None:
        self.field, self.time = field, time

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, 1) of theta (K, D) at coords (K, P, 3)."""
        return self.field(theta, torch.nn.functional.pad(coords, (0, 1), value=self.time), precision)
