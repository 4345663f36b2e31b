"""Loops along which a surface ends, and caps of least area."""

import numpy as np

from hdray.signals.holes import LONGEST_EXACT_LOOP, cap, loops_of
from hdray.signals.patches import unbalanced_edges
from tests.signals.solids import sphere, without


def area(points: np.ndarray, triangles: np.ndarray) -> float:
    corners = points[triangles]
    return float(
        0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    )


def test_two_holes_that_touch_are_two_loops() -> None:
    edges = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 2]])
    assert sorted(sorted(loop.tolist()) for loop in loops_of(edges)) == [[0, 1, 2], [2, 3, 4]]


def test_an_open_chain_is_no_loop() -> None:
    assert loops_of(np.array([[0, 1], [1, 2]])) == []


def test_a_concave_hole_is_capped_by_its_own_area() -> None:
    # an L of area 3, which a fan from the first corner would overfill
    points = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [1, 1, 0], [1, 2, 0], [0, 2, 0]], dtype=float)[
        [2, 3, 4, 5, 0, 1]
    ]
    triangles, new = cap(points, np.arange(6))
    assert len(new) == 0 and len(triangles) == 4
    assert np.isclose(area(points, triangles), 3)


def test_a_long_loop_is_capped_by_a_fan() -> None:
    angles = 2 * np.pi * np.arange(LONGEST_EXACT_LOOP + 20) / (LONGEST_EXACT_LOOP + 20)
    points = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    triangles, new = cap(points, np.arange(len(points)))
    assert np.allclose(new, 0)
    assert abs(area(np.concatenate([points, new]), triangles) - np.pi) < 0.01


def test_caps_make_a_surface_closed_again() -> None:
    mesh = sphere()
    holed = without(mesh, np.random.default_rng(0).random(len(mesh.faces)) < 0.05).faces
    assert len(unbalanced_edges(holed)) > 0
    caps = [cap(mesh.vertices, loop)[0] for loop in loops_of(unbalanced_edges(holed))]
    assert len(unbalanced_edges(np.concatenate([holed, *caps]))) == 0
