"""Procedural lamps: a foot, a body that carries it, and a shade or a globe on top; or an arm with a head hanging from it."""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh, join
from hdray.signals.solids import X, Y, Z, beam, shell, slab, square, turned

RINGS = 9
"""Rings along a turned body, a shade or a globe."""


@dataclass(frozen=True, kw_only=True)
class LampDesign:
    """All that is drawn of a lamp, its lengths over its height, and in this order, which never changes."""

    body: str
    """stem (a bar), vase (turned), tripod (three legs) or arm (two bars with an elbow, and a head to the front)."""
    foot: str
    """Below a stem or an arm: disc, block or dome."""
    light: str
    """On a stem, a vase or a tripod: cone, drum or bell (shades, open below and above), or globe."""
    foot_radius: float
    foot_height: float
    stem: float
    """Thickness of a stem, of an arm, of a tripod's legs."""
    vase_radius: float
    waist: float
    """Where a vase is widest, over its height."""
    light_radius: float
    """Of the shade below, or of the globe."""
    light_height: float
    """Of the shade."""
    taper: float
    """Radius of a cone or bell above over that below."""
    elbow: float
    """Height of an arm's elbow."""
    swing: float
    """How far an arm's elbow lies behind its foot."""
    reach: float
    """How far an arm's head lies before its elbow."""


def design(seed: int, instance: str) -> LampDesign:
    """The design of the lamp of this name. Same (seed, instance): same design."""
    draw = numpy_stream(seed, instance, "lamp")
    return LampDesign(
        body=str(draw.choice(["stem", "vase", "tripod", "arm"], p=[0.3, 0.3, 0.2, 0.2])),
        foot=str(draw.choice(["disc", "block", "dome"])),
        light=str(draw.choice(["cone", "drum", "bell", "globe"], p=[0.35, 0.25, 0.2, 0.2])),
        foot_radius=draw.uniform(0.16, 0.26),
        foot_height=draw.uniform(0.05, 0.085),
        stem=draw.uniform(0.055, 0.08),
        vase_radius=draw.uniform(0.11, 0.2),
        waist=draw.uniform(0.25, 0.7),
        light_radius=draw.uniform(0.22, 0.32),
        light_height=draw.uniform(0.25, 0.38),
        taper=draw.uniform(0.35, 0.75),
        elbow=draw.uniform(0.45, 0.65),
        swing=draw.uniform(0.0, 0.25),
        reach=draw.uniform(0.35, 0.6),
    )


def lamp(seed: int, instance: str) -> Mesh:
    """The lamp of this name: watertight parts whose union is the solid. Same (seed, instance): same lamp."""
    drawn = design(seed, instance)
    if drawn.body == "arm":
        return join([_foot(drawn), *_arm(drawn)])
    light, below = _globe(drawn) if drawn.light == "globe" else _shade(drawn)
    if drawn.body == "tripod":
        return join([*_tripod(drawn, below), *light])
    if drawn.body == "vase":
        return join([_vase(drawn, below), *light])
    return join([_foot(drawn), beam(0 * Y, below * Y, drawn.stem, drawn.stem, True), *light])


def _foot(drawn: LampDesign) -> Mesh:
    radius, height = drawn.foot_radius, drawn.foot_height
    if drawn.foot == "block":
        return slab(square() * 1.8 * radius, 0.0, height)
    if drawn.foot == "disc":
        return turned(np.array([radius, radius]), np.array([0.0, height]))
    angles = np.linspace(0, 0.45 * np.pi, RINGS)
    return turned(radius * np.cos(angles), 2.2 * height * np.sin(angles))


def _vase(drawn: LampDesign, below: float) -> Mesh:
    """A turned body up to the light's fitting, its neck as thick as a stem."""
    share = np.linspace(0, 1, 2 * RINGS)
    shoulder = below - 0.12  # a neck of this length
    # Of two halves of a wave, the one below the widest place ends in the foot, the one above it in the neck.
    wave = np.where(share < drawn.waist, share / drawn.waist, (1 - share) / (1 - drawn.waist))
    bulge = np.sin(0.5 * np.pi * wave)
    ends = np.where(share < drawn.waist, 0.6 * drawn.vase_radius, 0.6 * drawn.stem)
    radii = ends + (drawn.vase_radius - ends) * bulge
    return turned(np.append(radii, 0.6 * drawn.stem), np.append(share * shoulder, below))


def _tripod(drawn: LampDesign, below: float) -> list[Mesh]:
    """Three legs that meet below the light, and the hub that they meet in."""
    head = (below - 0.06) * Y
    angles = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    feet = [1.15 * drawn.foot_radius * (np.cos(angle) * X + np.sin(angle) * Z) for angle in angles]
    legs = [beam(foot, head, 0.9 * drawn.stem, drawn.stem, True) for foot in feet]
    return [*legs, turned(np.full(2, 0.9 * drawn.stem), np.array([below - 0.12, below]))]


def _globe(drawn: LampDesign) -> tuple[list[Mesh], float]:
    """A ball at the top, and the height in it to which what carries it reaches."""
    radius = 0.8 * drawn.light_radius
    angles = np.linspace(-0.46 * np.pi, 0.46 * np.pi, RINGS + 2)
    return [turned(radius * np.cos(angles), 1 - radius + radius * np.sin(angles))], 1 - 1.8 * radius


def _shade(drawn: LampDesign) -> tuple[list[Mesh], float]:
    """A shade at the top with the cross that holds it, and the height of the cross."""
    wall = 0.05
    share = np.linspace(0, 1, RINGS)
    taper = 1.0 if drawn.light == "drum" else drawn.taper
    # A bell falls away from its top fast, and then runs almost straight down.
    curve = share**2 if drawn.light == "bell" else share
    outer = np.stack([drawn.light_radius * (1 - (1 - taper) * curve), 1 - drawn.light_height * (1 - share)], axis=1)
    cross = 1 - 0.35 * drawn.light_height
    radius = np.interp(cross, outer[:, 1], outer[:, 0]) - 0.5 * wall
    bars = [beam(cross * Y - radius * axis, cross * Y + radius * axis, 0.04, 0.04, False) for axis in (X, Z)]
    return [shell(outer, outer - [wall, 0.0]), *bars], cross


def _arm(drawn: LampDesign) -> list[Mesh]:
    """Two bars that meet behind the foot, and a head that hangs from the end of the second."""
    elbow = np.array([0.0, drawn.elbow, -drawn.swing])
    end = np.array([0.0, 0.95, -drawn.swing + drawn.reach])
    half = drawn.stem / 2
    lower = beam(half * Y, elbow, drawn.stem, drawn.stem, True)
    upper = beam(elbow, end, drawn.stem, drawn.stem, True)
    joint = beam(elbow - 1.2 * drawn.stem * X, elbow + 1.2 * drawn.stem * X, 1.6 * drawn.stem, 1.6 * drawn.stem, True)
    radius, height = 0.6 * drawn.light_radius, 0.7 * drawn.light_height
    share = np.linspace(0, 1, RINGS)
    # Closed: a head so small has no room inside it.
    head = turned(radius * (1 - 0.65 * share**2), 1 - height * (1 - share))
    return [lower, upper, joint, Mesh(head.vertices + end[2] * Z, head.faces)]
