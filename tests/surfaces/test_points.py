import numpy as np
import pytest

from hdray.seeds import numpy_stream
from hdray.signals.mesh import Mesh
from hdray.surfaces.points import surface_points

# Two triangles in the plane z = 0, areas 0.5 and 2, one without area between them, all apart.
MESH = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5], [5, 5, 5], [6, 6, 6], [10, 0, 0], [12, 0, 0], [10, 2, 0.0]]),
    np.arange(9).reshape(3, 3),
)


def test_points_are_spread_by_area():
    points = surface_points(MESH, 20_000, numpy_stream(0, "a", "surface"))
    assert points.dtype == np.float32
    assert points.shape == (20_000, 3)
    assert (points[:, 2] == 0).all()
    on_large = points[:, 0] > 5
    assert on_large.mean() == pytest.approx(0.8, abs=0.01)
    local = np.where(on_large[:, None], (points[:, :2] - [10, 0]) / 2, points[:, :2])
    assert (local >= 0).all()
    assert (local.sum(axis=1) <= 1 + 1e-6).all()
    # Uniform in the unit triangle: mean 1/3, and a quarter of the points in the quarter around each corner.
    np.testing.assert_allclose(local.mean(axis=0), 1 / 3, atol=0.01)
    assert (local[:, 0] > 0.5).mean() == pytest.approx(0.25, abs=0.01)
    assert (local.sum(axis=1) < 0.5).mean() == pytest.approx(0.25, abs=0.01)


def test_the_stream_decides():
    first, again, other = (surface_points(MESH, 50, numpy_stream(0, name)) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_mesh_without_area():
    with pytest.raises(ValueError, match="no area"):
        surface_points(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])), 5, numpy_stream(0))
    with pytest.raises(ValueError, match="no area"):
        surface_points(Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)), 5, numpy_stream(0))
