"""Leaving pairs of points out changes no digit: against all pairs in float64, on clouds made to be hard for boxes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import grouped as module
from hdray.metrics.grouped import Grouped, grouped, nearest_squared

KINDS = ("cube", "surface", "line", "clusters", "lattice", "one place")


def cloud(kind: str, points: int, seed: int) -> torch.Tensor:
    stream = np.random.default_rng(seed)
    if kind == "surface":
        made = stream.normal(size=(points, 3))
        made /= np.linalg.norm(made, axis=1, keepdims=True)
    elif kind == "line":
        made = stream.random((points, 1)) * [1.0, 2.0, -1.0]
    elif kind == "clusters":
        made = stream.integers(0, 2, (points, 3)) * 5.0 + 1e-3 * stream.random((points, 3))
    elif kind == "lattice":  # many equal distances, and copies of points
        made = stream.integers(0, 4, (points, 3)) / 4
    elif kind == "one place":
        made = np.tile(stream.random(3), (points, 1))
    else:
        made = stream.random((points, 3))
    return torch.from_numpy(made.astype(np.float32))


def of_all_pairs(x: torch.Tensor, y: torch.Tensor) -> tuple[list[float], list[float]]:
    """Sorted squared distances to the nearest point of the other cloud, both ways, in float64."""
    full = (x.double()[:, None] - y.double()[None]).square().sum(dim=2)
    return sorted(full.amin(dim=1).tolist()), sorted(full.amin(dim=0).tolist())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS), st.sampled_from(KINDS), st.integers(1, 300), st.integers(1, 300), st.integers(0, 1000),
    st.sampled_from([0.0, 0.3, 10.0]),
)  # fmt: skip
def test_equals_all_pairs(kind_x: str, kind_y: str, points_x: int, points_y: int, seed: int, shift: float):
    x = cloud(kind_x, points_x, seed)
    others = torch.stack([cloud(kind_y, points_y, seed + number) + shift for number in range(1, 4)])
    from_one, to_one = nearest_squared(grouped(x[None]), grouped(others))
    assert from_one.shape == (3, points_x) and to_one.shape == (3, points_y)
    for row, other in enumerate(others):
        expected = of_all_pairs(x, other)
        np.testing.assert_allclose(sorted(from_one[row].tolist()), expected[0], rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(sorted(to_one[row].tolist()), expected[1], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("points", [1, 31, 32, 33, 100, 5_000])
def test_groups_hold_every_point_once_and_fit_their_boxes(points: int):
    some = torch.stack([cloud("cube", points, seed) for seed in range(2)])
    made = grouped(some)
    count, groups, _, group = made.points.shape
    assert (count, made.size) == (2, points)
    assert groups * group - points < group and group % 32 == 0 and groups <= 128
    for row in range(2):
        flat = made.points[row].transpose(1, 2).reshape(-1, 3)
        assert sorted(flat[:points].tolist()) == sorted(some[row].tolist())
        assert (flat[points:] == flat[points - 1]).all()
    assert (made.points >= made.low[..., None]).all() and (made.points <= made.high[..., None]).all()


def test_most_pairs_of_groups_on_surfaces_are_left_out(monkeypatch: pytest.MonkeyPatch):
    """What it is for. Were everything looked at, or nothing left to bounds, this would show it."""
    looked = []
    look = module._look

    def counting(pairs: torch.Tensor, one: Grouped, others: Grouped, from_one: torch.Tensor, to_one: torch.Tensor):
        looked.append(float(pairs.double().mean()))
        look(pairs, one, others, from_one, to_one)

    monkeypatch.setattr(module, "_look", counting)
    x, y = (cloud("surface", 2_048, seed)[None] for seed in range(2))
    nearest_squared(grouped(x), grouped(y * torch.tensor([0.8, 1.0, 1.1])))
    assert len(looked) == 2
    assert looked[0] < 0.04
    assert sum(looked) < 0.3


def test_not_a_number_stays_one():
    x, y = cloud("cube", 200, 0), cloud("cube", 200, 1)
    x[117, 1] = math.nan
    from_one, to_one = nearest_squared(grouped(x[None]), grouped(y[None]))
    assert from_one.mean().isnan()
    from_one, to_one = nearest_squared(grouped(y[None]), grouped(x[None]))
    assert to_one.mean().isnan()
