"""Which parts a procedural chair shows, read off points on its surface: rules of geometry, no training.

Everything is measured relative to the chair itself (its height, seat and legs), so neither placement nor scale matters; y
is up and z points to the front, as in hdray.signals.chair_design, whose words for parts these are. A rule asks for a part
on either side and for air where there must be air, so that a blob, half an arm, a skirt below the seat or a slope before
the back is none. How often the rules are right must be measured on shapes whose parts are known, at the same number of
points, wherever their answers are used.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 64
"""Chairs looked at together."""
SEATS = (0.33, 0.64)
"""Heights of seats over that of the chair: real ones lie between 0.38 and 0.60. What has none there is no chair."""
MIDDLE = 0.32
"""Share of the way from the back to the front legs, in its middle, where nothing but a stretcher is below the seat."""
WAY = 0.84
"""Share of that way that a stretcher must span; its ends are legs."""
BREAK = 0.15
"""Most of the way without a point of it: slivers in mid-air leave more."""
BAR = 0.12
"""Half the height, over that of the seat, within which a stretcher lies around the middle of its points."""
LOW, HIGH = 0.15, 0.68
"""Heights between which a stretcher lies, over the seat's; the lower faces of real seats begin at 0.73."""
GAP = 0.07
"""Least air above a stretcher, over the seat's height."""
ARM = 0.008
"""Least share of the points that an arm has on either side; real arms have 0.015 and more."""
POST = (0.04, 0.16)
"""Heights above the seat, over the chair's, through which the post of an arm goes on either side: wings of the back have none."""
STEPS = 2
"""Pieces of a post, all of which must be seen."""
FORWARD = 0.25
"""Where on the seat's depth, from behind, what stands on it is before the back."""
FREE = 0.3
"""Most points above the middle of the seat, over those of an arm."""
ROUNDED = 0.86
"""Half width of a seat at its front end over that of the seat, below which it bulges."""


def shown_parts(clouds: Tensor) -> list[frozenset[str]]:
    """The parts (arms, stretchers, bulge) that each chair shows, of points (N, P, 3) on their surfaces."""
    shown: list[frozenset[str]] = []
    for block in clouds.split(BLOCK) if len(clouds) else ():
        chairs = _Chairs.measured(block)
        found = {part: (rule(chairs) & chairs.seated).tolist() for part, rule in _RULES.items()}
        shown += [frozenset(part for part in found if found[part][row]) for row in range(len(block))]
    return shown


@dataclass(frozen=True)
class _Chairs:
    """Points of N chairs in their own measures, all (N, P), and those measures, all (N, 1)."""

    x: Tensor
    """-1 to 1 from left to right."""
    y: Tensor
    """0 at the feet, 1 at the top."""
    z: Tensor
    """0 at the back of the seat, 1 at its front."""
    along: Tensor
    """-0.5 at the back of the back legs, 0.5 at the front of the front legs."""
    seat: Tensor
    """Height of the seat's upper face, in y; NaN where nothing is there."""

    @property
    def seated(self) -> Tensor:
        """Whether there is a seat where chairs have theirs, (N,)."""
        return ((self.seat > SEATS[0]) & (self.seat < SEATS[1]))[:, 0]

    @classmethod
    def measured(cls, cloud: Tensor) -> "_Chairs":
        """From points (N, P, 3) in any units. Quantiles instead of extremes: a speck does not move them."""
        low, high = (cloud.quantile(share, dim=1, keepdim=True) for share in (0.005, 0.995))  # (N, 1, 3)
        x, y, z = (2 * (cloud - low) / (high - low) - 1).unbind(dim=-1)  # -1 to 1 each
        y = 0.5 * (y + 1)
        # The middle of the chair, before the back, is seat alone, and most of its points are on the seat's two faces.
        seat = _quantile(y, (x.abs() < 0.4) & (z > 0), 0.9)
        level = (y - seat).abs() < 0.05
        back, front = _quantile(z, level, 0.02), _quantile(z, level, 0.98)
        feet = y < 0.3 * seat
        behind, before = _quantile(z, feet, 0.02), _quantile(z, feet, 0.98)
        return cls(x, y, (z - back) / (front - back), (z - behind) / (before - behind) - 0.5, seat)


def _arms(chairs: _Chairs) -> Tensor:
    """Matter above both sides of the seat, before the back and down to the seat, and hardly any above its middle."""
    before = chairs.z > FORWARD
    above = before & (chairs.y > chairs.seat + 0.08) & (chairs.y < chairs.seat + 0.42)
    sides = (chairs.x < -0.3, chairs.x > 0.3)
    left, right = ((above & side).float().mean(dim=1) for side in sides)
    fewer, middle = torch.minimum(left, right), (above & (chairs.x.abs() < 0.3)).float().mean(dim=1)
    height = (chairs.y - chairs.seat - POST[0]) / (POST[1] - POST[0])
    posts = [_pieces(height, before & side & (height > 0) & (height < 1), STEPS) == STEPS for side in sides]
    return (fewer > ARM) & (middle < FREE * fewer) & posts[0] & posts[1]


def _stretchers(chairs: _Chairs) -> Tensor:
    """On both sides a bar from the back to the front leg, with air between it and the seat."""
    return _stretcher(chairs, chairs.x < -0.2) & _stretcher(chairs, chairs.x > 0.2)


def _stretcher(chairs: _Chairs, side: Tensor) -> Tensor:
    height = chairs.y / chairs.seat
    middle = side & (chairs.along.abs() < MIDDLE / 2)
    bar = middle & (height > LOW) & (height < HIGH)
    top = torch.where(bar, height, -torch.inf).amax(dim=1)  # (N,)
    above = torch.where(middle & (height >= HIGH), height, torch.inf).amin(dim=1)
    level = (height - _quantile(height, bar, 0.5)).abs() < BAR
    # The way's two ends count as points; those that are not on it are moved to one of them.
    spanned = side & level & (chairs.along.abs() < WAY / 2)
    ends = torch.tensor([-WAY / 2, WAY / 2], device=height.device).expand(len(height), 2)
    places = torch.cat([torch.where(spanned, chairs.along, WAY / 2), ends], dim=1).sort(dim=1).values  # (N, P + 2)
    widest = places.diff(dim=1).amax(dim=1)
    return (above - top > GAP) & (widest < BREAK)


def _pieces(position: Tensor, where: Tensor, count: int) -> Tensor:
    """Into how many of `count` equal pieces of [0, 1] the positions (N, P) asked for fall, (N,)."""
    piece = (position * count).nan_to_num(0.0).floor().clamp(0, count - 1).long()
    met = torch.zeros(len(piece), count, device=piece.device).scatter_add(1, piece, where.float())
    return (met > 0).sum(dim=1)


def _bulge(chairs: _Chairs) -> Tensor:
    """A seat whose front end is narrower than the seat."""
    level = (chairs.y - chairs.seat).abs() < 0.05
    tip = _quantile(chairs.x.abs(), level & (chairs.z > 0.92), 0.95)
    return (tip < ROUNDED * _quantile(chairs.x.abs(), level, 0.98))[:, 0]


_RULES = {"arms": _arms, "stretchers": _stretchers, "bulge": _bulge}


def _quantile(values: Tensor, where: Tensor, share: float) -> Tensor:
    """The quantile (N, 1) of those of values (N, P) that are asked for; NaN where there are none."""
    return torch.where(where, values, torch.nan).nanquantile(share, dim=1, keepdim=True)
