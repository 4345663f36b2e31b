import igl
import numpy as np

from hdray.signals.mugs import design, mug
from tests.signals.grids import bodies, euler_characteristic, solid

NAMES = [f"mug:{number:05d}" for number in range(9)]


def test_a_mug_has_a_tunnel_for_each_handle() -> None:
    handles = [design(0, name).handles for name in NAMES]
    assert set(handles) == {0, 1, 2}
    for name, count in zip(NAMES, handles, strict=True):
        labels = solid(mug(0, name), 44)
        assert (bodies(labels), euler_characteristic(labels)) == (1, 1 - count)


def test_a_mug_is_hollow_and_has_a_bottom() -> None:
    for name in NAMES:
        drawn, mesh = design(0, name), mug(0, name)
        points = np.array([[0, 0.5 * drawn.bottom, 0], [0, drawn.bottom + 0.02, 0], [0, 0.99, 0]])
        wall = np.array([[0, 0.99, drawn.radius - 0.5 * drawn.wall]])
        winding = igl.fast_winding_number(mesh.vertices, mesh.faces, np.concatenate([points, wall]))
        assert (winding > 0.5).tolist() == [True, False, False, True]
