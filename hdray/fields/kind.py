"""What a kind of representation is: the one description that everything that depends on the kind asks.

Nothing here needs torch, as configurations are checked without it: torch is imported where something is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hdray.fields.settings import FieldSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hdray.fields.build import Representation
    from hdray.fitting.trainees import BuildTrainee


@dataclass(frozen=True)
class Domain:
    """What the instances of a run are: still or moving, and how many points of their surfaces are kept."""

    surface_points: int
    """Points kept of each surface."""
    frames: int = 0
    """Frames of an animation, whose time is a fourth coordinate; 0: still shapes."""

    @property
    def dimension(self) -> int:
        """Coordinates d of a point: x, y, z, and of animations time."""
        return 4 if self.frames else 3


class Build(Protocol):
    """Makes the representation of a run."""

    def __call__(self, settings: FieldSettings, shared: "Mapping[str, Tensor]", domain: Domain) -> "Representation":
        """`shared`: the networks and whatever was drawn that the instances have in common, by name; often nothing."""
        ...


class Draw(Protocol):
    """Draws what instances have in common and what is not trained, such as masks."""

    def __call__(self, settings: FieldSettings, generator: "torch.Generator", dimension: int) -> "dict[str, Tensor]":
        """Tensors by name, drawn from this generator alone. `dimension`: coordinates of a point."""
        ...


def always(settings: FieldSettings) -> bool:
    """Whatever the settings are."""
    return True


@dataclass(frozen=True, kw_only=True)
class Network:
    """Networks that instances share, trained on the points of the training shapes before any shape is fitted."""

    name: str
    """Kinds whose networks have the same name share them, where the keys and all that training depends on are the same.
    Networks with a `trainee` of their own belong to one Kind."""
    keys: Callable[[FieldSettings], tuple[str, ...]]
    """Settings of the field that the networks depend on, given all of them: what training does not read with these, and how
    an instance uses the networks, are none of them."""
    trainee: "BuildTrainee | None" = None
    """Builds what is trained. None: hdray/fitting/trainees.py has it by the network's name, as fields import no fitting."""
    precisions: tuple[str, ...] = ("bf16", "fp32")
    """Values of shared.precision that it can be trained in. Others are refused when a configuration is built."""
    zero_stages: tuple[int, ...] = (0, 1, 2)
    """Values of shared.zero_stage that it can be trained under, others being refused likewise. Stage 3, which takes parameters
    apart, gains nothing for networks of some megabytes, and breaks what reads them outside their modules' forward pass."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of representation, from `field.kind` to what its vectors stand for.

    How vectors are found is for the class that `build` returns to say: a DescentField is descended to, an
    AdaptedField takes the steps it was trained for, a ComputedField computes them (hdray/fields/field.py).
    """

    name: str
    """Of those that come with hdray the value of `field.kind`; of others recorded beside that value with whatever the kind
    made, so that a kind with another name refuses it."""
    build: Build
    """From settings to the representation."""
    generators: tuple[str, ...] = ("hyperdiffusion",)
    """Values of `generator.kind` that know the structure of its vectors, the one made for it first."""
    network: Network | None = None
    """What is trained before shapes are fitted; None: nothing is."""
    draw: Draw | None = None
    """What is drawn for all instances; None: nothing is."""
    draws: Callable[[FieldSettings], bool] = always
    """Whether there is anything to draw with these settings, where `draw` is given."""
    animations: bool = False
    """Whether it holds animations: fields of four coordinates, the last one time."""
    frames_in_box: bool = False
    """Whether the frames of an animation must lie in the box along time (signal.time box)."""
    zero_start: bool = False
    """Whether all fits start from the zero vector, so that there is no other start to choose."""
    cloud: bool = False
    """Whether vectors are points in no order (a PointCloud): without inside, nothing to extract, entries not comparable."""

    def shares(self, settings: FieldSettings) -> bool:
        """Whether instances share anything but the start of their fits."""
        return self.network is not None or (self.draw is not None and self.draws(settings))
