"""Procedural mugs: a hollow body, straight, tapered or bellied, with no handle, one, or two opposite each other."""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh, join
from hdray.signals.solids import circle, mirrored, shell, square, tube, turned

HEIGHTS = 9
"""Rings of the wall from its foot to its rim."""


@dataclass(frozen=True, kw_only=True)
class MugDesign:
    """All that is drawn of a mug, its lengths over its height, and in this order, which never changes."""

    radius: float
    """Of the rim, without."""
    foot: float
    """Radius of the foot over that of the rim."""
    belly: float
    """How much wider the middle is than a straight wall between foot and rim; negative: a waist."""
    wall: float
    bottom: float
    """Thickness of the bottom."""
    handles: int
    handle: str
    """Its line: round or ear (upright, with two corners)."""
    low: float
    """Height at which the handle begins."""
    high: float
    """Height at which it ends."""
    reach: float
    """How far its middle line stands out from the wall."""
    bar: float
    """Its thickness."""
    round_bar: bool


def design(seed: int, instance: str) -> MugDesign:
    """The design of the mug of this name. Same (seed, instance): same design."""
    draw = numpy_stream(seed, instance, "mug")
    return MugDesign(
        radius=draw.uniform(0.34, 0.60),
        foot=draw.uniform(0.6, 1.05),
        belly=draw.uniform(-0.06, 0.18),
        wall=draw.uniform(0.06, 0.11),
        bottom=draw.uniform(0.07, 0.14),
        handles=int(draw.choice([0, 1, 2], p=[0.15, 0.65, 0.2])),
        handle=str(draw.choice(["round", "ear"], p=[0.6, 0.4])),
        low=draw.uniform(0.14, 0.30),
        high=draw.uniform(0.70, 0.86),
        reach=draw.uniform(0.24, 0.38),
        bar=draw.uniform(0.085, 0.13),
        round_bar=bool(draw.random() < 0.6),
    )


def mug(seed: int, instance: str) -> Mesh:
    """The mug of this name: watertight parts whose union is the solid. Same (seed, instance): same mug."""
    drawn = design(seed, instance)
    heights = np.linspace(0, 1, HEIGHTS)
    outer = np.stack([_radius(drawn, heights), heights], axis=1)
    wall = shell(outer, outer - [drawn.wall, 0.0])
    inside = heights[heights < drawn.bottom]
    levels = np.append(inside, drawn.bottom)
    bottom = turned(_radius(drawn, levels) - 0.5 * drawn.wall, levels)
    handle = _handle(drawn)
    return join([wall, bottom, *(handle, mirrored(handle))[: drawn.handles]])


def _radius(drawn: MugDesign, height: np.ndarray) -> np.ndarray:
    """Radius of the body without, at heights (n,) between 0 and 1."""
    straight = drawn.radius * (drawn.foot + (1 - drawn.foot) * height)
    return np.asarray(straight + drawn.belly * np.sin(np.pi * height))


def _handle(drawn: MugDesign) -> Mesh:
    """The handle on the side of +x, from the middle of the wall and back into it."""
    if drawn.handle == "round":
        angles = np.linspace(-np.pi / 2, np.pi / 2, 15)
        share = (1 + np.sin(angles)) / 2
        out = np.cos(angles)
    else:
        share = np.array([0.0, 0.0, 0.1, 0.3, 0.7, 0.9, 1.0, 1.0])
        out = np.array([0.0, 0.6, 0.92, 1.0, 1.0, 0.92, 0.6, 0.0])
    path = np.zeros((len(share), 3))
    path[:, 1] = drawn.low + share * (drawn.high - drawn.low)
    path[:, 0] = _radius(drawn, path[:, 1]) - 0.5 * drawn.wall + drawn.reach * out
    return tube(path, np.full(len(path), drawn.bar), circle() if drawn.round_bar else square())
