"""Procedural chairs: legs, a seat and a back, often arms and stretchers.

Every chair is a union of overlapping watertight parts with dimensions, styles and tapers as its design has them. x is the
width, y is up, z points to the front; metres.
"""

import numpy as np

from hdray.signals.chair_design import Arms, ChairDesign, design
from hdray.signals.mesh import Mesh, join
from hdray.signals.solids import SIDES, beam, plank, prism


def chair(seed: int, instance: str) -> Mesh:
    """The chair of this name: watertight parts whose union is the solid. Same (seed, instance): same chair."""
    drawn = design(seed, instance)
    leg, bulge, round_parts = drawn.leg, drawn.bulge, drawn.round_parts
    half_width, half_depth = drawn.width / 2, drawn.depth / 2
    inset = leg / 2
    # The seat narrows to the back, and some seats end in half an ellipse at the front: legs stand below what is there.
    back_x, back_z = drawn.narrow * half_width - inset, -half_depth + inset
    front_x, front_z = half_width - inset, half_depth - inset
    if bulge:
        front_x, front_z = (
            0.75 * half_width - inset,
            half_depth - bulge + 0.66 * bulge - inset,
        )  # 0.66 = sin(acos(0.75))
    corners = [(side * x, z) for side in (-1, 1) for x, z in ((back_x, back_z), (front_x, front_z))]
    top = drawn.seat_height - drawn.seat_thickness / 2

    def leg_at(x: float, z: float, height: float) -> np.ndarray:
        """The centre of the leg that stands under (x, z), at a height."""
        outward = drawn.splay * (1 - height / top)
        return np.array([x + np.sign(x) * outward, height, z + np.sign(z) * outward])

    parts = [beam(leg_at(x, z, 0.0), leg_at(x, z, top), leg * drawn.taper, leg, round_parts) for x, z in corners]
    parts.append(_seat(drawn))
    if drawn.stretchers:
        height = drawn.stretchers.height * drawn.seat_height
        bar = 0.75 * leg
        ends = [(leg_at(side * back_x, back_z, height), leg_at(side * front_x, front_z, height)) for side in (-1, 1)]
        parts += [beam(behind, front, bar, bar, round_parts) for behind, front in ends]
        if drawn.stretchers.crossbar:
            parts.append(beam(0.5 * (ends[0][0] + ends[0][1]), 0.5 * (ends[1][0] + ends[1][1]), bar, bar, round_parts))

    back_low = np.array([0.0, drawn.seat_height - drawn.seat_thickness / 2, -half_depth + drawn.back_thickness / 2])
    back_high = np.array(
        [0.0, drawn.seat_height + drawn.back_height, -half_depth + drawn.back_thickness / 2 - drawn.lean]
    )
    parts += _back(drawn, back_low, back_high)
    if drawn.arms:
        parts += _arms(drawn, drawn.arms, back_low, back_high)
    return join(parts)


def _seat(drawn: ChairDesign) -> Mesh:
    """The seat: a slab, narrower at the back, its front half an ellipse if there is a bulge."""
    width, depth, bulge, narrow = drawn.width, drawn.depth, drawn.bulge, drawn.narrow
    low, high = np.array([0, drawn.seat_height - drawn.seat_thickness, 0]), np.array([0, drawn.seat_height, 0])
    if bulge:
        angles = np.linspace(0, np.pi, SIDES)
        outline = np.stack([width / 2 * np.cos(angles), depth / 2 - bulge + bulge * np.sin(angles)], axis=1)
        outline = np.concatenate([outline, [[-width / 2 * narrow, -depth / 2], [width / 2 * narrow, -depth / 2]]])
    else:
        outline = np.array(
            [
                [width / 2, depth / 2],
                [-width / 2, depth / 2],
                [-width / 2 * narrow, -depth / 2],
                [width / 2 * narrow, -depth / 2],
            ]
        )
    return prism(outline, outline, low, high, np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))


def _back(drawn: ChairDesign, low: np.ndarray, high: np.ndarray) -> list[Mesh]:
    """The back: solid, vertical slats, ladder, or a panel between posts."""
    back, width, thickness = drawn.back, drawn.width, drawn.back_thickness
    along = high - low

    def at(x: float, share: float) -> np.ndarray:
        return low + share * along + [x, 0, 0]

    if back.style == "solid":
        return [plank(at(0, 0), at(0, 1), width * back.widths[0], width * back.widths[1], thickness)]
    post = width / 2 - thickness / 2
    parts = [beam(at(x, 0), at(x, 1), thickness, thickness, drawn.round_parts) for x in (-post, post)]
    rail = back.rail
    parts.append(plank(at(0, 1 - rail), at(0, 1), width, width, thickness))
    if back.style == "slats":
        for x in np.linspace(-post, post, back.count + 2)[1:-1]:
            slat = min(0.4 * width / (back.count + 1), 0.06) + 0.02
            parts.append(plank(at(x, 0), at(x, 1 - rail / 2), slat, slat, thickness * 0.85))
    elif back.style == "ladder":
        for share in np.linspace(0.25, 1, back.count + 1)[:-1]:
            parts.append(plank(at(0, share), at(0, share + rail), 2 * post, 2 * post, thickness * 0.85))
    else:
        parts.append(plank(at(0, back.bottom), at(0, 1 - rail / 2), 2 * post, 2 * post, thickness * 0.75))
    return parts


def _arms(drawn: ChairDesign, arms: Arms, back_low: np.ndarray, back_high: np.ndarray) -> list[Mesh]:
    """An arm and its front post on either side, from behind the edge where the seat has its full width to the back."""
    width, leg, seat_height, height = drawn.width, drawn.leg, drawn.seat_height, arms.height
    front = drawn.depth / 2 - drawn.bulge - arms.setback
    share = (seat_height + height - back_low[1]) / (back_high[1] - back_low[1])
    behind = (back_low + share * (back_high - back_low))[2]
    parts = []
    for x in (-width / 2 + leg / 2, width / 2 - leg / 2):
        elbow = np.array([x, seat_height + height, front])
        parts.append(beam(np.array([x, seat_height - 0.02, front]), elbow, leg, leg, drawn.round_parts))
        parts.append(
            beam(elbow + np.array([0, 0, leg / 2]), np.array([x, seat_height + height, behind]), leg, leg, False)
        )
    return parts
