"""The published code's sheared grid, on an ellipsoid whose every displaced point is known."""

import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.signals.mesh import Mesh
from hdray.surfaces.extract import extract
from hdray.surfaces.legacy_grid import legacy_evaluator
from tests.surfaces.shapes import NO_WEIGHTS, analytic, is_closed

CENTRE, RADII = np.array([0.04, -0.03, 0.05]), np.array([0.4, 0.35, 0.3])
POINTS = 40
CELL = 1 / (POINTS - 1)


def implicit(points: np.ndarray) -> np.ndarray:
    """1 on the ellipsoid's surface, points (P, 3)."""
    return np.linalg.norm((points - CENTRE) / RADII, axis=-1)


FIELD = analytic(
    lambda coords: 1.386 + 40 * (1 - ((coords - torch.tensor(CENTRE)) / torch.tensor(RADII)).norm(dim=-1).float())
)
"""Level 0.8, which is logit 1.386 as published, is the ellipsoid."""


def meshes() -> list[Mesh]:
    found = []
    for legacy in (False, True):
        mesh = extract(FIELD, NO_WEIGHTS, resolution=POINTS - 1, level=0.8, method="dense", legacy_grid=legacy)
        assert isinstance(mesh, Mesh)
        found.append(mesh)
    return found


def published_places() -> np.ndarray:
    """Where the published code evaluates grid point (a, b, c), (N, N, N, 3): a loop over i, in exact arithmetic."""
    places = np.empty((POINTS**3, 3))
    for i in range(POINTS**3):
        places[i] = (i / POINTS / POINTS) % POINTS, (i / POINTS) % POINTS, i % POINTS
    return (places * CELL - 0.5).reshape(POINTS, POINTS, POINTS, 3)


def test_places_are_the_published_ones() -> None:
    indices = torch.cartesian_prod(*[torch.arange(POINTS)] * 3)
    for axis in range(3):
        field = analytic(lambda coords, axis=axis: coords[..., axis])
        found = legacy_evaluator(field, NO_WEIGHTS, POINTS - 1, torch.device("cpu"), "fp32")(indices)
        np.testing.assert_allclose(found, published_places()[..., axis].ravel(), atol=1e-5)


def test_the_surface_is_displaced_by_up_to_a_cell_in_x_and_y_and_not_in_z() -> None:
    ours, legacy = meshes()
    assert np.abs(implicit(ours.vertices) - 1).max() < 0.01
    assert np.abs(implicit(legacy.vertices) - 1).max() > 0.03, "the legacy surface is elsewhere"
    # A vertex that marching cubes puts at grid place (a, b, c) was evaluated at (a + b / N + c / N^2, b + c / N, c).
    _, b, c = ((legacy.vertices + 0.5) / CELL).T
    moved = np.stack([b / POINTS + c / POINTS**2, c / POINTS, np.zeros_like(c)], axis=1)  # in cells
    assert 0.5 < moved[:, 0].max() <= 1 and 0.5 < moved[:, 1].max() <= 1
    assert np.abs(implicit(legacy.vertices + moved * CELL) - 1).max() < 0.01
    # So the extreme of x lies where b is that of the centre, about half a cell lower; that of z stays.
    middle = (CENTRE + 0.5) / CELL / POINTS
    shift = (legacy.vertices.max(axis=0) - ours.vertices.max(axis=0)) / CELL
    assert shift[:2] == pytest.approx(-middle[[1, 2]], abs=0.1)
    assert shift[2] == pytest.approx(0, abs=0.02)
    assert is_closed(legacy)


def test_it_needs_the_dense_grid() -> None:
    with pytest.raises(UserError, match="it must be dense"):
        extract(FIELD, NO_WEIGHTS, resolution=16, legacy_grid=True)
