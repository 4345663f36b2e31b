"""Clouds as meshes of beads, and back."""

import numpy as np

from hdray.surfaces.beads import RADIUS, bead_centres, beads
from tests.surfaces.shapes import is_closed, volume_of

POINTS = np.array([[0.0, 0.0, 0.0], [0.3, -0.2, 0.4]], np.float32)


def test_each_point_has_a_closed_bead_turned_outwards() -> None:
    mesh = beads(POINTS)
    assert mesh.vertices.shape == (8, 3) and mesh.faces.shape == (8, 3)
    assert is_closed(mesh)
    # A tetrahedron within a ball of radius r has the volume 8 r^3 / (9 sqrt 3), positive where faces look outwards.
    np.testing.assert_allclose(volume_of(mesh), 2 * 8 * RADIUS**3 / (9 * np.sqrt(3)))


def test_points_come_back() -> None:
    np.testing.assert_allclose(bead_centres(beads(POINTS)), POINTS, atol=1e-7)
