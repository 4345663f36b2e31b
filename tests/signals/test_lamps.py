import numpy as np

from hdray.signals.lamps import design, lamp
from tests.signals.grids import bodies, euler_characteristic, solid

NAMES = [f"lamp:{number:05d}" for number in range(60)]


def test_a_shade_is_open_and_held_by_a_cross() -> None:
    """The shade is a ring; of the cross, the four bars to its middle close three more."""
    for body, light, characteristic in (
        ("stem", "drum", -3),
        ("stem", "globe", 1),
        ("arm", "", 1),
    ):
        name = next(name for name in NAMES if (d := design(0, name)).body == body and (d.light == light or not light))
        labels = solid(lamp(0, name), 56)
        assert (bodies(labels), euler_characteristic(labels)) == (1, characteristic)


def test_lamps_stand_upright_and_only_arms_lean() -> None:
    for name in NAMES[:30]:
        vertices = lamp(0, name).vertices
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        assert -0.05 < low[1] < 0.01
        np.testing.assert_allclose(high[1], 1, atol=0.01)
        np.testing.assert_allclose(low[0], -high[0], atol=0.02)
        if design(0, name).body == "arm":
            assert high[2] > 0.2


def test_every_body_and_light_occurs() -> None:
    drawn = [design(0, name) for name in NAMES]
    assert {lamp.body for lamp in drawn} == {"stem", "vase", "tripod", "arm"}
    assert {lamp.light for lamp in drawn} == {"cone", "drum", "bell", "globe"}
