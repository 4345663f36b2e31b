"""What all fields have in common, whatever their vectors hold."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

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


class Gradient(Protocol):
    """Loss and gradient of a fixed number of instances K at a fixed number of points P."""

    def __call__(self, theta: Tensor, codes: Tensor, inside: Tensor, gradient: Tensor) -> Tensor:
        """Write the gradient of each row's mean binary cross entropy; return the probabilities (K, P) float64.

        A row of the results depends on that row of the arguments alone, bit for bit.

        Args:
            theta: (K, D or more) float32.
            codes: (K, P, d) int, indices into the levels that it was made with.
            inside: (K, P) float64, targets 0 or 1.
            gradient: (K, D or more) float32, overwritten up to D.
        """
        ...


@runtime_checkable
class DescentField(Field, Protocol):
    """A field whose vectors are found by descent."""

    def gradient(self, slots: int, points: int, levels: Tensor, precision: str, device: torch.device | str) -> Gradient:
        """For `slots` instances of `points` points a call; levels (L,) float32 are the coordinates that codes stand for."""
        ...


@runtime_checkable
class AdaptedField(DescentField, Protocol):
    """A field whose vectors may be a few steps away from zero: steps that what its instances share was trained for."""

    def adaptation(self, device: torch.device) -> tuple[int, Tensor] | None:
        """How many steps, and the sizes (D,) of each, an entry's own; None where it was trained for none: it is descended to."""
        ...


@runtime_checkable
class RescaledField(DescentField, Protocol):
    """A field of which many vectors are one function, and which says which of them is kept of what descent found."""

    def rescaled(self, theta: Tensor) -> Tensor:
        """Vectors (K, D) of the same functions as theta (K, D)."""
        ...


@runtime_checkable
class MixtureField(Field, Protocol):
    """A field whose instances are weighted means of networks that all of them share."""

    def bases(self) -> list[Tensor]:
        """Weights (M, out, in) of these M networks, layer by layer."""
        ...


@runtime_checkable
class PreparedField(Protocol):
    """A field that has work to do for its vectors before it is asked for any point."""

    def prepared(self, theta: Tensor) -> Callable[[Tensor, str], Tensor]:
        """What gives logits (K, P, c) float32 of theta (K, D) at coords (K, P, d) in a precision, any number of times."""
        ...


def prepared(
    field: PreparedField | Callable[[Tensor, Tensor, str], Tensor], theta: Tensor
) -> Callable[[Tensor, str], Tensor]:
    """A field's calls for the same vectors theta (K, D), as a function of coords and precision."""
    if isinstance(field, PreparedField):
        return field.prepared(theta)
    return lambda coords, precision: field(theta, coords, precision)


@runtime_checkable
class ComputedField(Field, Protocol):
    """A field whose vectors are computed from labelled points, without steps."""

    def compute(self, coords: Tensor, inside: Tensor) -> Tensor:
        """Vectors (K, D) float32 of labelled points; a row depends on the points of its instance alone.

        Args:
            coords: (K, N, d) float32, time last where d is 4. inside: (K, N) bool.
        """
        ...


def check_call(theta: Tensor, coords: Tensor, size: int, dimension: int) -> None:
    """Raise ValueError unless theta is (K, D) and coords are (K, P, d), for D = `size` and d = `dimension`."""
    if theta.dim() != 2 or theta.shape[1] != size:
        raise ValueError(f"theta has shape {tuple(theta.shape)}; this field needs (K, {size})")
    if coords.dim() != 3 or coords.shape[0] != theta.shape[0] or coords.shape[2] != dimension:
        raise ValueError(
            f"coords have shape {tuple(coords.shape)}; this field needs ({theta.shape[0]}, P, {dimension})"
        )
