"""Procedural airplanes: a fuselage, wings high or low, a tail, and engines on the wings, beside the tail or in the nose."""

from dataclasses import dataclass

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh, join
from hdray.signals.solids import SIDES, X, Y, Z, circle, loft, mirrored, slab, square

SECTION = 12
"""Corners of half a wing's section, from its leading edge to its trailing edge."""


@dataclass(frozen=True, kw_only=True)
class AirplaneDesign:
    """All that is drawn of an airplane, its lengths over that of the fuselage, and in this order, which never changes."""

    radius: float
    """Of the fuselage."""
    nose: float
    """Length of the rounded nose."""
    cone: float
    """Length of the tail's cone."""
    wing: str
    """Where the wing is: low, or high."""
    engines: str
    """none, propeller (in the nose), two or four (below the wing), or rear (two beside the fuselage)."""
    tail: str
    """low (beside the cone), or tee (on top of the fin)."""
    place: float
    """Where the middle of the wing's root is, from the nose."""
    span: float
    """From tip to tip."""
    chord: float
    """Of the wing's root."""
    taper: float
    """Chord of the tip over that of the root."""
    sweep: float
    """How far the tip's middle lies behind the root's, over half the span."""
    dihedral: float
    """How far the tip lies above the root, over half the span."""
    thickness: float
    """Of the wing's section over its chord."""
    fin: float
    """Height of the fin above the fuselage's middle."""
    tail_span: float


def design(seed: int, instance: str) -> AirplaneDesign:
    """The design of the airplane of this name. Same (seed, instance): same design."""
    draw = numpy_stream(seed, instance, "airplane")
    return AirplaneDesign(
        radius=draw.uniform(0.085, 0.115),
        nose=draw.uniform(0.12, 0.22),
        cone=draw.uniform(0.3, 0.42),
        wing=str(draw.choice(["low", "high"], p=[0.65, 0.35])),
        engines=str(draw.choice(["none", "propeller", "two", "four", "rear"], p=[0.15, 0.2, 0.3, 0.15, 0.2])),
        tail=str(draw.choice(["low", "tee"], p=[0.65, 0.35])),
        place=draw.uniform(0.38, 0.48),
        span=draw.uniform(0.75, 1.05),
        chord=draw.uniform(0.22, 0.3),
        taper=draw.uniform(0.45, 0.9),
        sweep=draw.uniform(0.0, 0.5),
        dihedral=draw.uniform(0.0, 0.12),
        thickness=draw.uniform(0.19, 0.24),
        fin=draw.uniform(0.2, 0.28),
        tail_span=draw.uniform(0.3, 0.42),
    )


def airplane(seed: int, instance: str) -> Mesh:
    """The airplane of this name: watertight parts whose union is the solid. Same (seed, instance): same airplane.

    Its nose points to the front (+z) and its fuselage lies along z, from 0.5 to -0.5.
    """
    drawn = design(seed, instance)
    return join([_fuselage(drawn), _wing(drawn), *_tail(drawn), *_engines(drawn)])


def _fuselage(drawn: AirplaneDesign) -> Mesh:
    """Round sections from the nose, half an ellipsoid, to the end of the cone, which rises to the fuselage's upper edge."""
    nose = np.linspace(0.02, 1, 8)
    nose_radii = np.sqrt(1 - (1 - nose) ** 2)
    cone = np.linspace(0, 1, 8)
    cone_radii = 1 - 0.75 * cone**1.5
    radii = drawn.radius * np.concatenate([nose_radii, cone_radii])
    along = 0.5 - np.concatenate([nose * drawn.nose, 1 - drawn.cone * (1 - cone)])
    middle = np.concatenate([np.zeros_like(nose), drawn.radius * (1 - cone_radii) * 0.6])
    return _bodies(along, middle, radii)


def _bodies(along: np.ndarray, height: np.ndarray, radii: np.ndarray, x: float = 0.0) -> Mesh:
    """A body along z with round sections: their places, the heights of their middles and radii (n,)."""
    outline = 2 * circle(SIDES)
    rings = outline[None] * radii[:, None, None]  # (n, sides, 2)
    z = np.repeat(along[:, None], SIDES, axis=1)
    return loft(np.stack([x + rings[..., 0], height[:, None] + rings[..., 1], z], axis=-1))


def _section(chord: float, thickness: float) -> np.ndarray:
    """A symmetric wing's outline (2 * SECTION, 2), along z and across: round ahead, thin behind, never below 0.3 of `thickness`."""
    share = np.linspace(0.0, 1.0, SECTION)
    ahead = 0.3 + 0.7 * np.sqrt(1 - np.clip(1 - share / 0.3, 0, 1) ** 2)
    half = 0.5 * thickness * np.minimum(ahead, 1.3 - share)
    along = chord * (0.5 - share)
    return np.concatenate([np.stack([along, half], axis=1), np.stack([along, -half], axis=1)[::-1]])


def _blade(middles: np.ndarray, chords: np.ndarray, thickness: float, across: np.ndarray) -> Mesh:
    """A wing through sections of these middles (n, 3) and chords (n,); `across` is the direction of its thickness."""
    outlines = np.stack([_section(chord, thickness) for chord in chords])  # (n, corners, 2)
    return loft(middles[:, None] + outlines[..., :1] * Z + outlines[..., 1:] * across)


def _both(root: np.ndarray, tip: np.ndarray, root_chord: float, tip_chord: float, thickness: float) -> Mesh:
    """A wing from tip to tip through its root at x = 0."""
    middles = np.stack([tip * [-1.0, 1.0, 1.0], root, tip])
    return _blade(middles, np.array([tip_chord, root_chord, tip_chord]), thickness, Y)


def _at_wing(drawn: AirplaneDesign, share: float) -> np.ndarray:
    """A point (3,) of the right wing's middle line, at a share of half the span."""
    half = 0.5 * drawn.span
    height = (0.6 if drawn.wing == "high" else -0.5) * drawn.radius
    dihedral = drawn.dihedral * (1.0 if drawn.wing == "low" else 0.3)
    root = np.array([0.0, height, 0.5 - drawn.place])
    return root + share * half * np.array([1.0, dihedral, -drawn.sweep])


def _wing(drawn: AirplaneDesign) -> Mesh:
    chord = drawn.chord
    return _both(_at_wing(drawn, 0.0), _at_wing(drawn, 1.0), chord, drawn.taper * chord, drawn.thickness * chord)


def _tail(drawn: AirplaneDesign) -> list[Mesh]:
    """The fin and the stabiliser."""
    chord = 0.7 * drawn.chord
    end = -0.5 + 0.5 * chord
    fin = np.array([[0.0, 0.2 * drawn.radius, end + 0.05], [0.0, drawn.fin, end - 0.04]])
    height, back = (drawn.fin - 0.02, 0.04) if drawn.tail == "tee" else (0.45 * drawn.radius, 0.0)
    root = np.array([0.0, height, end - back])
    tip = root + 0.5 * drawn.tail_span * np.array([1.0, 0.0, -0.5 * drawn.sweep])
    return [
        _blade(fin, np.array([1.25, 0.75]) * chord, 0.045, X),
        _both(root, tip, 0.85 * chord, 0.6 * chord, 0.038),
    ]


def _engines(drawn: AirplaneDesign) -> list[Mesh]:
    if drawn.engines == "none":
        return []
    if drawn.engines == "propeller":
        blade = slab(square() * [0.045, 0.04], -0.17, 0.17, (0.0, 0.5))
        spinner = _bodies(np.array([0.47, 0.52, 0.55]), np.zeros(3), np.array([0.045, 0.045, 0.02]))
        return [blade, spinner]
    radius = 0.42 * drawn.radius
    length = np.array([0.1, 0.06, -0.08, -0.1]) * 1.1
    radii = radius * np.array([0.8, 1.0, 0.9, 0.7])
    if drawn.engines == "rear":
        x, height, middle = drawn.radius + 0.4 * radius, 0.45 * drawn.radius, -0.5 + drawn.cone + 0.02
        places = [np.array([x, height, middle])]
    else:
        shares = (0.38,) if drawn.engines == "two" else (0.33, 0.62)
        ahead = np.array([0.0, -0.9 * radius, 0.3 * drawn.chord])
        places = [_at_wing(drawn, share) + ahead for share in shares]
    right = [_bodies(z + length, np.full(4, y), radii, x) for x, y, z in places]
    return [*right, *(mirrored(engine) for engine in right)]
