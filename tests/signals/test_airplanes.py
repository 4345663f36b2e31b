import numpy as np
from scipy.spatial import KDTree

from hdray.signals.airplanes import airplane, design
from hdray.signals.patches import connected
from tests.signals.grids import bodies, solid

NAMES = [f"airplane:{number:05d}" for number in range(30)]


def test_an_airplane_is_symmetric_and_as_its_design_says() -> None:
    for name in NAMES:
        drawn, mesh = design(0, name), airplane(0, name)
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        np.testing.assert_allclose([low[0], high[0]], [-drawn.span / 2, drawn.span / 2])
        np.testing.assert_allclose(high[1], drawn.fin)
        right, left = (KDTree(mesh.vertices), mesh.vertices * [-1, 1, 1])
        assert right.query(left)[0].max() < 1e-9
        np.testing.assert_allclose(high[2], 0.55 if drawn.engines == "propeller" else 0.5, atol=0.01)
        parts = 1 + 1 + 2 + {"none": 0, "four": 4}.get(drawn.engines, 2)  # fuselage, wing, fin and stabiliser, engines
        assert connected(mesh.faces, len(mesh.vertices)).max() + 1 == parts


def test_wings_reach_out_of_the_fuselage_and_the_fin_stands_behind() -> None:
    for name in NAMES[:2]:
        labels = solid(airplane(0, name))  # (x, y, z), nose to +z
        across = labels.any(axis=1)  # from above, (x, z)
        assert across[2].any() and across[-3].any()
        above = labels[:, int(0.9 * labels.shape[1])]
        assert above.any() and not above[:, above.shape[1] // 3 :].any()
        assert bodies(labels) == 1
