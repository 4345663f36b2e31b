"""Procedural tables: a top on four legs, on a pedestal, on a trestle or on two panels, some with a shelf below."""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh, join
from hdray.signals.solids import X, Y, Z, beam, slab, square, superellipse, turned


@dataclass(frozen=True, kw_only=True)
class TableDesign:
    """All that is drawn of a table, in metres where nothing else is said, and in this order, which never changes."""

    width: float
    depth: float
    height: float
    top_thickness: float
    top: str
    """The top's outline: square, rounded or oval."""
    base: str
    """legs, pedestal, trestle or panels."""
    round_parts: bool
    leg: float
    """Thickness of legs, of a trestle's bars, of panels, and half that of a pedestal's column."""
    taper: float
    """Thickness of a foot over that of its leg's top."""
    splay: float
    """How far the feet of legs stand outside where the legs meet the top."""
    inset: float
    """Share of the top's width, and of its depth, that reaches beyond the base on either side."""
    foot: float
    """Share of the top's depth that a pedestal's foot takes."""
    shelf: float
    """Height of a shelf between legs or panels, over the table's; 0 where there is none."""


def design(seed: int, instance: str) -> TableDesign:
    """The design of the table of this name. Same (seed, instance): same design."""
    draw = numpy_stream(seed, instance, "table")
    return TableDesign(
        width=(width := draw.uniform(0.7, 1.2)),
        depth=draw.uniform(0.6, 0.95) * width,
        height=draw.uniform(0.4, 0.8),
        top_thickness=draw.uniform(0.05, 0.09),
        top=str(draw.choice(["square", "rounded", "oval"], p=[0.45, 0.2, 0.35])),
        base=str(draw.choice(["legs", "pedestal", "trestle", "panels"], p=[0.45, 0.2, 0.15, 0.2])),
        round_parts=bool(draw.random() < 0.4),
        leg=draw.uniform(0.055, 0.085),
        taper=draw.uniform(0.65, 1.0),
        splay=draw.uniform(0.0, 0.07),
        inset=draw.uniform(0.03, 0.14),
        foot=draw.uniform(0.5, 0.75),
        shelf=draw.uniform(0.2, 0.5) if draw.random() < 0.4 else 0.0,
    )


def table(seed: int, instance: str) -> Mesh:
    """The table of this name: watertight parts whose union is the solid. Same (seed, instance): same table."""
    drawn = design(seed, instance)
    size = np.array([drawn.width, drawn.depth])
    outline = {"square": square(), "rounded": superellipse(6.0), "oval": superellipse(2.0)}[drawn.top]
    base = {"legs": _legs, "pedestal": _pedestal, "trestle": _trestle, "panels": _panels}[drawn.base]
    return join([slab(outline * size, drawn.height - drawn.top_thickness, drawn.height), *base(drawn)])


def _corner(drawn: TableDesign) -> np.ndarray:
    """x and z (2,) of the middle of a leg below the top: nearer to the centre below an oval, which has no corners."""
    reach = 0.72 if drawn.top == "oval" else 1.0
    return reach * (0.5 - drawn.inset) * np.array([drawn.width, drawn.depth]) - drawn.leg / 2


def _legs(drawn: TableDesign) -> list[Mesh]:
    corner, top = _corner(drawn), drawn.height - drawn.top_thickness / 2
    parts = []
    for side in np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]):
        x, z = side * corner
        foot_x, foot_z = side * (corner + drawn.splay)
        foot, head = np.array([foot_x, 0.0, foot_z]), np.array([x, top, z])
        parts.append(beam(foot, head, drawn.leg * drawn.taper, drawn.leg, drawn.round_parts))
    if drawn.shelf:
        # As far out as the middles of the legs at that height.
        reach = 2 * (corner + drawn.splay * (1 - drawn.shelf))
        parts.append(_shelf(drawn, reach))
    return parts


def _pedestal(drawn: TableDesign) -> list[Mesh]:
    top, radius, foot = drawn.height - drawn.top_thickness / 2, drawn.leg, drawn.foot * drawn.depth / 2
    column = turned(radius * np.array([1.0, drawn.taper, 1.0]), np.array([0.0, drawn.height / 2, top]))
    if drawn.round_parts:
        heights = 0.05 * np.array([0.0, 0.8, 1.4])
        return [column, turned(np.array([foot, foot, 1.2 * radius]), heights)]
    bar = np.array([0.0, drawn.leg / 2, 0.0])
    return [
        column,
        *(beam(bar - foot * axis, bar + foot * axis, drawn.leg, drawn.leg, False) for axis in (X + Z, X - Z)),
    ]


def _trestle(drawn: TableDesign) -> list[Mesh]:
    x, z = _corner(drawn)
    leg, top = drawn.leg, drawn.height - drawn.top_thickness / 2
    parts = []
    for side in (-1, 1):
        post = side * x * X
        parts.append(beam(post, post + top * Y, leg, leg, drawn.round_parts))
        for height in (leg / 2, drawn.height - drawn.top_thickness - 0.4 * leg):
            parts.append(beam(post + height * Y - z * Z, post + height * Y + z * Z, leg, leg, False))
    bar = 0.45 * drawn.height * Y
    return [*parts, beam(bar - x * X, bar + x * X, 0.9 * leg, 0.9 * leg, drawn.round_parts)]


def _panels(drawn: TableDesign) -> list[Mesh]:
    x, z = _corner(drawn)
    top = drawn.height - drawn.top_thickness / 2
    parts = [slab(square() * [drawn.leg, 2 * z], 0.0, top, (side * x, 0.0)) for side in (-1, 1)]
    if drawn.shelf:
        parts.append(_shelf(drawn, 2 * np.array([x, z])))
    return parts


def _shelf(drawn: TableDesign, size: np.ndarray) -> Mesh:
    """A board (width, depth) at the shelf's height."""
    height = drawn.shelf * drawn.height
    return slab(square() * size, height - 0.025, height + 0.025)
