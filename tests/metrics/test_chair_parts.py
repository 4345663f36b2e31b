"""The recogniser against chairs whose parts are known, and against what must not fool it."""

import numpy as np
import pytest
import torch

from hdray.metrics.chair_parts import BLOCK, shown_parts
from hdray.signals.chair_design import PARTS, ChairDesign, design
from hdray.signals.chairs import chair
from hdray.signals.occupancy import MeshOccupancy
from hdray.signals.placement import place
from hdray.signals.settings import OccupancySettings

MIRROR = torch.tensor([-1.0, 1.0, 1.0])
NAMES = [f"chair:{number:05d}" for number in range(24)]
DESIGNS = [design(5, name) for name in NAMES]


def surface(name: str) -> np.ndarray:
    """Points (2048, 3) on the solid's surface, in metres: as the pipeline draws them, but not placed."""
    signal = MeshOccupancy(place(chair(5, name), "box"), [], OccupancySettings())
    vertices = chair(5, name).vertices
    scale = np.ptp(vertices, axis=0).max()
    return signal.surface_points(2048, name) * scale + 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))


@pytest.fixture(scope="module")
def clouds() -> torch.Tensor:
    return torch.from_numpy(np.stack([surface(name) for name in NAMES])).float()


def first(*wanted: str) -> tuple[int, ChairDesign]:
    """The first chair with exactly these parts."""
    return next((row, drawn) for row, drawn in enumerate(DESIGNS) if drawn.parts == set(wanted))


def test_every_part_of_a_real_chair_is_told(clouds: torch.Tensor) -> None:
    for part in PARTS:
        assert 4 < sum(part in drawn.parts for drawn in DESIGNS) < 20
    assert sum(visible(drawn) != drawn.parts for drawn in DESIGNS) == 1
    assert shown_parts(clouds) == [visible(drawn) for drawn in DESIGNS]


def visible(drawn: ChairDesign) -> frozenset[str]:
    """The parts of a design but arms whose posts stand against the back, a very deep bulge being before them."""
    if drawn.arms and drawn.depth - drawn.bulge - drawn.arms.setback + drawn.leg / 2 < 0.25 * drawn.depth:
        return drawn.parts - {"arms"}
    return drawn.parts


def test_placement_scale_order_and_neighbours_do_not_matter(clouds: torch.Tensor) -> None:
    shown = shown_parts(clouds)
    assert shown_parts(3.7 * clouds + torch.tensor([5.0, -2.0, 1.0])) == shown
    assert shown_parts(clouds[:, torch.randperm(2048, generator=torch.Generator().manual_seed(0))]) == shown
    assert shown_parts(clouds[:3]) == shown[:3]
    many = clouds.repeat(3, 1, 1)
    assert len(many) > BLOCK and shown_parts(many) == 3 * shown
    assert shown_parts(clouds[:0]) == []


def test_half_of_a_part_is_none(clouds: torch.Tensor) -> None:
    row, drawn = first("arms", "stretchers")
    whole = clouds[row]
    above, below = whole[:, 1] > drawn.seat_height + 0.05, whole[:, 1] < drawn.seat_height - drawn.seat_thickness - 0.02
    before_back = whole[:, 2] > -drawn.depth / 2 + drawn.back_thickness + 0.01
    left = whole[:, 0] < 0
    between_legs = whole[:, 2].abs() < 0.3 * drawn.depth
    assert shown_parts(whole[None]) == [{"arms", "stretchers"}]
    assert shown_parts(without(whole, above & before_back & left)) == [{"stretchers"}]
    assert shown_parts(without(whole, below & between_legs & left)) == [{"arms"}]


def without(cloud: torch.Tensor, gone: torch.Tensor) -> torch.Tensor:
    """The points (1, P', 3) of a cloud (P, 3) but some."""
    return cloud[~gone][None]


def test_what_only_looks_like_a_part_is_none(clouds: torch.Tensor) -> None:
    row, drawn = first()
    stream = np.random.default_rng(0)
    low, top = drawn.seat_height - drawn.seat_thickness, drawn.seat_height

    def fooled(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> frozenset[str]:
        """The bars seen where 200 points fill a box (x and z in half widths and half depths of the chair, y in metres)."""
        box = np.array([x, y, z]) * [[drawn.width / 2], [1], [drawn.depth / 2]]
        more = torch.from_numpy(stream.uniform(box[:, 0], box[:, 1], (200, 3))).float()
        return shown_parts(torch.cat([clouds[row], more, more * MIRROR])[None])[0] & {"arms", "stretchers"}

    # A slope from the seat to the back, over the chair's whole width.
    assert not fooled((-1, 1), (top, top + 0.25), (-1, 0.2))
    # A blob in the middle of the seat, and one below it.
    assert not fooled((-0.1, 0.1), (top + 0.1, top + 0.2), (-0.3, 0.5))
    assert not fooled((-0.1, 0.1), (0.1, 0.15), (-0.8, 0.8))
    # A skirt on both sides, from the seat down between the legs.
    assert not fooled((0.9, 1), (0.4 * low, low), (-0.8, 0.8))
    # Slivers in mid-air on both sides, and wings of the back.
    assert not fooled((0.9, 1), (0.4 * low, 0.5 * low), (-0.2, 0.3))
    assert not fooled((0.8, 0.9), (top + 0.17, top + 0.22), (-0.8, 0.6))
    # A bar that reaches the legs is a stretcher; a post that rises from the seat is an arm's.
    assert fooled((0.9, 1), (0.4 * low, 0.5 * low), (-0.8, 0.8)) == {"stretchers"}
    assert fooled((0.8, 0.9), (top, top + 0.22), (0.5, 0.6)) == {"arms"}


def test_what_is_no_chair_shows_nothing() -> None:
    stream = torch.Generator().manual_seed(0)
    ball = torch.nn.functional.normalize(torch.randn(1, 2048, 3, generator=stream), dim=2)
    noise = torch.rand(3, 2048, 3, generator=stream)
    assert shown_parts(torch.cat([ball, noise, torch.zeros(1, 2048, 3)])) == [frozenset()] * 5
