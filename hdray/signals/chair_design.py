"""What a procedural chair is before it has a shape: its dimensions and styles, all drawn here, and the parts it shows.

Every chair's draws come from its own stream, in one order that never changes: another order is another chair.
"""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream

PARTS = ("arms", "stretchers", "bulge")
"""Parts a chair may show, drawn independently: arms (40 % of chairs), stretchers between the legs (45 %), a seat that
bulges to the front (30 %). hdray.metrics.chair_parts tells them from a surface."""

COMBINED = "+"
"""Between the parts of a combination."""


@dataclass(frozen=True, kw_only=True)
class Stretchers:
    """Bars between the front and the back leg of either side."""

    height: float
    """Above the floor, over the seat's height."""
    crossbar: bool
    """Whether a third bar joins the two."""


@dataclass(frozen=True, kw_only=True)
class Back:
    """The back: solid, slats, ladder or panel. Of the numbers below each style has its own; the others are 0."""

    style: str
    widths: tuple[float, float] = (0.0, 0.0)
    """Of a solid back, below and above, over the chair's width."""
    rail: float = 0.0
    """Share of the back's height that the rail on top takes (and a rung of a ladder)."""
    count: int = 0
    """Slats, or rungs."""
    bottom: float = 0.0
    """Share of the back's height at which a panel begins."""


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Arms `height` metres above the seat, `setback` metres behind the seat's edge."""

    height: float
    setback: float


@dataclass(frozen=True, kw_only=True)
class ChairDesign:
    """All that is drawn of a chair, in metres where nothing else is said."""

    round_parts: bool
    width: float
    depth: float
    seat_height: float
    seat_thickness: float
    back_height: float
    leg: float
    back_thickness: float
    lean: float
    """How far the top of the back lies behind the seat."""
    splay: float
    """How far the feet stand outside the seat's corners."""
    taper: float
    """Thickness of a foot over that of the leg's top."""
    narrow: float
    """Width of the seat at the back over that at the front."""
    bulge: float
    """Depth of the half ellipse that the seat ends in; 0 where it has corners."""
    stretchers: Stretchers | None
    back: Back
    arms: Arms | None

    @property
    def parts(self) -> frozenset[str]:
        """Those of `PARTS` that the chair shows."""
        shown = {
            "arms": self.arms is not None,
            "stretchers": self.stretchers is not None,
            "bulge": self.bulge > 0,
        }
        return frozenset(part for part in PARTS if shown[part])


def design(seed: int, instance: str) -> ChairDesign:
    """The design of the chair of this name. Same (seed, instance): same design."""
    draw = numpy_stream(seed, instance, "chair")
    # Arguments are evaluated as they are written, so this is also the order of the draws.
    return ChairDesign(
        round_parts=bool(draw.random() < 0.35),
        width=draw.uniform(0.40, 0.58),
        depth=(depth := draw.uniform(0.40, 0.54)),
        seat_height=draw.uniform(0.38, 0.50),
        seat_thickness=draw.uniform(0.045, 0.10),
        back_height=draw.uniform(0.34, 0.62),
        leg=draw.uniform(0.045, 0.07),
        back_thickness=draw.uniform(0.045, 0.07),
        lean=draw.uniform(0.0, 0.14),
        splay=draw.uniform(0.0, 0.06),
        taper=draw.uniform(0.7, 1.0),
        narrow=draw.uniform(0.85, 1.0),
        bulge=_bulge(draw, depth),
        stretchers=_stretchers(draw),
        back=_back(draw),
        arms=_arms(draw),
    )


def parts_of(seed: int, instance: str) -> frozenset[str]:
    """Those of `PARTS` that the chair of this name shows: the truth, without making its mesh."""
    return design(seed, instance).parts


def combination(text: str) -> frozenset[str]:
    """The parts that a text such as arms+stretchers names. Raises ValueError unless these are two or more of `PARTS`."""
    names = [name.strip() for name in text.split(COMBINED)]
    if unknown := [name for name in names if name not in PARTS]:
        raise ValueError(f"{unknown[0]!r} is no part of a chair; the parts are {', '.join(PARTS)}")
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise ValueError("a combination is of two or more different parts, such as arms+stretchers")
    return frozenset(names)


def _bulge(draw: np.random.Generator, depth: float) -> float:
    return draw.uniform(0.25, 0.6) * depth if draw.random() < 0.3 else 0.0


def _stretchers(draw: np.random.Generator) -> Stretchers | None:
    if draw.random() >= 0.45:
        return None
    return Stretchers(height=draw.uniform(0.25, 0.55), crossbar=bool(draw.random() < 0.6))


def _back(draw: np.random.Generator) -> Back:
    style = str(draw.choice(["solid", "slats", "ladder", "panel"], p=[0.3, 0.25, 0.25, 0.2]))
    if style == "solid":
        return Back(style=style, widths=(draw.uniform(0.88, 1.0), draw.uniform(0.75, 1.0)))
    rail = draw.uniform(0.08, 0.16)
    if style == "slats":
        return Back(style=style, rail=rail, count=int(draw.integers(2, 5)))
    if style == "ladder":
        return Back(style=style, rail=rail, count=int(draw.integers(2, 4)))
    return Back(style=style, rail=rail, bottom=draw.uniform(0.15, 0.4))


def _arms(draw: np.random.Generator) -> Arms | None:
    if draw.random() >= 0.4:
        return None
    return Arms(height=draw.uniform(0.17, 0.25), setback=draw.uniform(0.03, 0.12))
