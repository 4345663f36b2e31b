"""What a page about weight spaces is made from: plain numbers and names. What was not measured stays at its default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hdray.metrics.classify import Separation
from hdray.signals.mesh import Mesh


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The N vectors of a representation in the plane (hdray.metrics.projection), each with its category."""

    points: npt.NDArray[np.floating]
    """(N, 2)."""
    categories: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """Two fits of each of n instances, the second from an initialisation perturbed with one of L strengths."""

    strengths: Sequence[float]
    """(L,), from 0 (the same initialisation) to 1 (an independent one)."""
    similarity: npt.NDArray[np.floating]
    """(L, n) cosine similarity of the two vectors as they are; NaN where there is none."""
    centred: npt.NDArray[np.floating]
    """(L, n) the same less the mean of all instances' vectors."""
    barrier: npt.NDArray[np.floating]
    """(L, n) Chamfer distance of the surface of the averaged vectors to the instance's own; infinite without a surface."""
    excess: npt.NDArray[np.floating]
    """(L, n) the same less the mean of the two fits' own distances; not finite where one of the three has no surface."""
    distance_ratio: Sequence[float]
    """(L,) mean distance of the two vectors of an instance over that of different instances'; NaN where there is none."""


@dataclass(frozen=True, kw_only=True)
class Between:
    """Surfaces of fields on the straight line between the vectors of two shapes, evenly spaced, its ends the first and last."""

    ends: tuple[str, str]
    """The shapes' files."""
    meshes: Sequence[Mesh | None]
    """In the unit box; None for a field without a surface."""
    up: str
    """Axis that points up, y or z."""


@dataclass(frozen=True, kw_only=True)
class BasisSimilarity:
    """Of one layer: absolute cosine similarities (M, M) of the weight matrices of M basis networks, 0 on the diagonal."""

    layer: str
    similarity: npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Representation:
    """One weight space. Each part that is None or empty was not measured."""

    name: str
    dimension: int
    """Free entries of a vector."""
    shared: int | None = None
    """Entries of networks that all instances share; 0 for none."""
    reconstruction: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Of some shapes, such as "held out": column of the table of fits, such as "CD, mean", to its value; None where it is
    not defined."""
    separation: Separation | None = None
    left_out: Sequence[str] = ()
    """What is not among the vectors that are told apart, in words."""
    projection: Projection | None = None
    between: Between | None = None
    perturbation: Perturbation | None = None
    basis: Sequence[BasisSimilarity] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    """Why something is not there, in words, by the key of the page's section ("fits", "categories", "plane", "starts")."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything the page can show."""

    title: str
    date: str
    representations: Sequence[Representation]
    measured: Mapping[str, object] = field(default_factory=dict)
    """How it was measured, such as points and seeds, for the end of the page."""
