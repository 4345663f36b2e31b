"""Where meshes are put: the paper's box, the code's mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.signals.mesh import Mesh
from hdray.signals.placement import place
from hdray.signals.rejection import Rejected

CORNERS = np.array([[1.0, 2.0, 3.0], [5.0, 4.0, 4.0], [1.0, 4.0, 3.5], [2.0, 2.5, 3.2]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def test_box_centres_the_bounding_box_and_makes_its_longest_edge_one() -> None:
    placed = place(Mesh(CORNERS, FACES), "box").vertices
    assert np.allclose(placed.min(axis=0), [-0.5, -0.25, -0.125])
    assert np.allclose(placed.max(axis=0), [0.5, 0.25, 0.125])


def test_mean_centres_the_vertices_and_scales_by_the_largest_coordinate() -> None:
    placed = place(Mesh(CORNERS, FACES), "mean").vertices
    assert np.allclose(placed.mean(axis=0), 0)
    assert np.abs(placed).max() == pytest.approx(0.475)
    # the mean is (2.25, 3.125, 3.425), the largest offset 5 - 2.25
    assert np.allclose(placed[1], np.array([2.75, 0.875, 0.575]) * 0.475 / 2.75)


@given(st.sampled_from(["box", "mean"]), st.floats(1e-3, 1e3), st.tuples(*[st.floats(-100, 100)] * 3))
def test_moving_and_scaling_a_mesh_changes_nothing(mode: str, scale: float, shift: tuple[float, float, float]) -> None:
    there = place(Mesh(CORNERS * scale + np.array(shift), FACES), mode).vertices
    assert np.allclose(there, place(Mesh(CORNERS, FACES), mode).vertices, atol=1e-9)


def test_a_single_point_is_rejected() -> None:
    with pytest.raises(Rejected, match="one point"):
        place(Mesh(np.ones((3, 3)), np.array([[0, 1, 2]])), "box")


def test_an_unknown_mode_is_a_defect() -> None:
    with pytest.raises(ValueError, match="box or mean"):
        place(Mesh(CORNERS, FACES), "sphere")
