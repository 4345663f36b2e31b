"""Fits of known error: points on balls, compared with points on balls of other radii."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hdray.config.presets import demo
from hdray.metrics.names import METRIC_NAMES
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline.instances import Fitted
from hdray.pipeline.reconstruction import MOST_SHAPES, MOST_SURFACES, OF_TRAINING, looked_at, reconstruction

POINTS, RADIUS, OFF = 512, 0.3, 0.06


def fitted(ids: list[str]) -> Fitted:
    """Fitted shapes whose vectors hold the numbers that their ids are."""
    values = np.array([[int(name)] for name in ids], np.float32)
    return Fitted(ids, [f"{name}.obj" for name in ids], values, np.zeros((len(ids), 1, 3), np.uint16))


def ball(radius: float, seed: int) -> torch.Tensor:
    """Points (P, 3) uniform on a sphere."""
    draw = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(seed))
    return radius * draw / draw.norm(dim=1, keepdim=True)


def shape_set(names: list[str], radius: float, seed: int) -> ShapeSet:
    return ShapeSet(names, [ball(radius, seed + row) for row in range(len(names))], names)


def test_a_good_fit_comes_to_the_floor_and_a_bad_one_to_its_error() -> None:
    shapes, drawn = fitted(["0", "1"]), [shape_set(["0", "1"], RADIUS, seed) for seed in (10, 20)]
    good = reconstruction(shapes, shape_set(["0.obj", "1.obj"], RADIUS, 0), drawn, squared=True)
    # Of a uniform sample of n points on an area A the mean squared distance to the nearest is A / (pi n).
    floor = 2 * 4 * RADIUS**2 / POINTS
    assert good["reconstruction_cd_floor"] == pytest.approx(floor, rel=0.1)
    assert good["reconstruction_cd"] == pytest.approx(good["reconstruction_cd_floor"], rel=0.1)
    assert good["reconstruction_empty"] == 0
    larger = shape_set(["0.obj", "1.obj"], RADIUS + OFF, 0)
    bad = reconstruction(shapes, larger, drawn, squared=True)
    # Between balls the way along them counts as well, by the geometric mean of their radii.
    expected = 2 * OFF**2 + floor * (1 + OFF / RADIUS)
    assert bad["reconstruction_cd"] == pytest.approx(expected, rel=0.05)
    assert reconstruction(shapes, larger, drawn, squared=False)["reconstruction_cd"] > 2 * OFF


def test_fields_without_a_surface_are_counted_and_left_out() -> None:
    shapes, own = fitted(["0", "1"]), shape_set(["0.obj", "1.obj"], RADIUS, 0)
    half = reconstruction(shapes, own, [shape_set(["0"], RADIUS, seed) for seed in (10, 20)], squared=True)
    assert half["reconstruction_empty"] == 0.5
    assert half["reconstruction_cd"] == pytest.approx(half["reconstruction_cd_floor"], rel=0.15)
    none = reconstruction(shapes, own, [ShapeSet([], [], [])] * 2, squared=True)
    assert none["reconstruction_empty"] == 1
    assert none["reconstruction_cd"] != none["reconstruction_cd"]


def test_each_split_is_measured_by_itself() -> None:
    """Held-out shapes that what all share does not serve do not hide behind training shapes, nor the other way round."""
    own = shape_set(["0.obj", "1.obj"], RADIUS, 0)
    drawn = [
        ShapeSet(["0", "1"], [ball(RADIUS, seed), ball(RADIUS + OFF, seed)], ["0", "1"]) for seed in (10, 20)
    ]  # the field of shape 0 is right
    trained = reconstruction(fitted(["0"]), own, drawn, squared=False, of=OF_TRAINING)
    held_out = reconstruction(fitted(["1"]), own, drawn, squared=False)
    assert {f"{name}{OF_TRAINING}" for name in held_out} == set(trained)
    assert {*held_out, *trained} == {name for name in METRIC_NAMES if name.startswith("reconstruction_")}
    assert trained["reconstruction_cd_training"] == pytest.approx(trained["reconstruction_cd_floor_training"], rel=0.15)
    assert held_out["reconstruction_cd"] > 2 * OFF > 2 * trained["reconstruction_cd_training"]


@pytest.mark.parametrize(("frames", "most"), [(0, MOST_SHAPES), (16, MOST_SURFACES // 16)])
def test_the_first_in_order_of_ids_are_looked_at(frames: int, most: int) -> None:
    """No more than can be paid for."""
    config = replace(
        demo(), signal=replace(demo().signal, frames=frames), generate=replace(demo().generate, mesh_format="glb")
    )
    order = np.random.default_rng(0).permutation(100)
    found = looked_at(fitted([f"{number:03d}" for number in order]), config)
    assert found.theta[:, 0].tolist() == list(range(most))
    assert found.sources[:2] == ["000.obj", "001.obj"]
