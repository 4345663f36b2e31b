"""What all fields have in common, whatever their vectors hold."""

from typing import Protocol

import torch
from torch import Tensor

from hdray.fields.layout import Layout


class Field(Protocol):
    """Functions from coordinates to logits, indexed by a flat vector; always K of them at once."""

    @property
    def layout(self) -> Layout:
        """The pieces of the vector."""
        ...

    @property
    def dimension(self) -> int:
        """Coordinates d of a point."""
        ...

    def __call__(self, theta: Tensor, coords: Tensor, precision: str = "fp32") -> Tensor:
        """Logits (K, P, c) float32 of vectors theta (K, D) at coords (K, P, d)."""
        ...

    def initialise(self, generator: torch.Generator) -> Tensor:
        """A vector (D,) to start from."""
        ...
