"""Solids against volumes that geometry knows; a polygon of n corners has sin(2 pi / n) n / (2 pi) of its circle's area."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.signals.mesh import Mesh
from hdray.signals.patches import unbalanced_edges
from hdray.signals.solids import SIDES, beam, circle, loft, mirrored, shell, slab, square, superellipse, tube, turned


def volume(mesh: Mesh) -> float:
    """Of a watertight solid that is right side out."""
    assert len(unbalanced_edges(mesh.faces)) == 0
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.is_watertight
    return float(solid.volume)


def polygon(sides: int) -> float:
    return sides * np.sin(2 * np.pi / sides) / (2 * np.pi)


def test_a_slab_and_its_mirror_image() -> None:
    board = slab(square() * [2.0, 3.0], 0.5, 0.9, (1.0, 4.0))
    assert volume(board) == pytest.approx(2 * 3 * 0.4)
    np.testing.assert_allclose([board.vertices.min(axis=0), board.vertices.max(axis=0)], [[0, 0.5, 2.5], [2, 0.9, 5.5]])
    other = mirrored(board)
    assert volume(other) == pytest.approx(2.4)
    assert other.vertices[:, 0].min() == -2


@settings(max_examples=30, deadline=None)
@given(
    end=st.tuples(*[st.floats(-2, 2)] * 3).filter(lambda end: np.linalg.norm(end) > 0.1),
    sizes=st.tuples(*[st.floats(0.01, 0.5)] * 2),
    is_round=st.booleans(),
)
def test_a_beam_is_a_frustum_in_any_direction(
    end: tuple[float, float, float], sizes: tuple[float, float], is_round: bool
) -> None:
    a, b = sizes
    area = np.pi / 4 * polygon(SIDES) if is_round else 1.0
    expected = np.linalg.norm(end) / 3 * (a * a + a * b + b * b) * area
    assert volume(beam(np.zeros(3), np.array(end), a, b, is_round)) == pytest.approx(expected, rel=1e-6)


def test_turned_and_hollow_solids() -> None:
    cylinder, cone = np.pi * 0.3**2 * 2, np.pi / 3 * (0.3**2 + 0.3 * 0.1 + 0.1**2)
    vase = turned(np.array([0.3, 0.3, 0.1]), np.array([0.0, 2.0, 3.0]), sides=24)
    assert volume(vase) == pytest.approx((cylinder + cone) * polygon(24))
    outer = np.array([[0.5, 0.0], [0.5, 1.0]])
    wall = shell(outer, outer - [0.1, 0.0], sides=24)
    assert volume(wall) == pytest.approx(np.pi * (0.5**2 - 0.4**2) * polygon(24))
    # One tunnel: V - E + F = 0 for a torus, 2 for a ball.
    for mesh, characteristic in ((wall, 0), (vase, 2)):
        assert len(mesh.vertices) - len(mesh.faces) // 2 == characteristic


def test_a_bent_tube_has_its_section_times_the_way_of_its_middle() -> None:
    """Pappus; at the two ends the way is taken as straight."""
    angles = np.linspace(0, np.pi, 400)
    path = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    bent = tube(path, np.full(len(path), 0.2), circle())
    assert volume(bent) == pytest.approx(np.pi * np.pi / 4 * 0.2**2 * polygon(SIDES), rel=1e-3)


def test_outlines() -> None:
    np.testing.assert_allclose(np.linalg.norm(circle(20), axis=1), 0.5)
    np.testing.assert_allclose(np.linalg.norm(superellipse(2.0), axis=1), 0.5)
    np.testing.assert_allclose((np.abs(2 * superellipse(6.0)) ** 6).sum(axis=1), 1)


def test_a_loft_does_not_mind_which_way_its_rings_run() -> None:
    rings = np.stack([np.insert(square() * size, 1, height, axis=1) for size, height in ((1, 0), (2, 1), (1, 3))])
    frusta = (1 + 2 + 4) / 3 + 2 * (1 + 2 + 4) / 3
    for turned_round in (rings, rings[::-1], rings[:, ::-1]):
        assert volume(loft(turned_round)) == pytest.approx(frusta)
