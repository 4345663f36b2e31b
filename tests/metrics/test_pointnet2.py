import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.pointnet2 import LAYERS, PointNet2, SetAbstraction, ball_query, farthest_points


def clouds(count: int, points: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, points, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 20), st.integers(0, 1000), st.data())
def test_farthest_points_by_brute_force(batch: int, points: int, seed: int, data: st.DataObject):
    count = data.draw(st.integers(1, points))
    some = clouds(batch, points, seed)
    for cloud, chosen in zip(some.tolist(), farthest_points(some, count).tolist(), strict=True):
        expected = [0]
        while len(expected) < count:
            gaps = [min(math.dist(point, cloud[index]) for index in expected) for point in cloud]
            expected.append(gaps.index(max(gaps)))
        assert chosen == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 25), st.floats(0.01, 2), st.integers(0, 1000))
def test_ball_query_by_brute_force(points: int, count: int, radius: float, seed: int):
    some = clouds(2, points, seed)
    centres = some[:, ::3]
    found = ball_query(some, centres, radius, count)
    for row in range(2):
        for place, centre in enumerate(centres[row].tolist()):
            inside = [i for i, point in enumerate(some[row].tolist()) if math.dist(point, centre) <= radius]
            expected = (inside + inside[:1] * count)[:count]
            assert found[row, place].tolist() == expected


def test_too_few_points():
    with pytest.raises(ValueError, match="512 points cannot be chosen among 100"):
        PointNet2().eval()(clouds(1, 100))


@pytest.fixture(scope="module")
def network() -> PointNet2:
    torch.manual_seed(0)
    return PointNet2().eval().requires_grad_(False)


def test_shapes_and_names_are_the_published_ones(network: PointNet2):
    found = network(clouds(2, 600))
    assert {name: values.shape for name, values in found.items()} == {name: (2, size) for name, size in LAYERS.items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["sa1.mlp_convs.0.weight"] == (64, 3, 1, 1)
    assert shapes["sa1.mlp_bns.2.running_var"] == (128,)
    assert shapes["sa2.mlp_convs.0.weight"] == (128, 131, 1, 1)
    assert shapes["sa3.mlp_convs.0.weight"] == (256, 259, 1, 1)
    assert shapes["sa3.mlp_convs.2.weight"] == (1024, 512, 1, 1)
    assert [shapes[f"fc{number}.weight"] for number in (1, 2, 3)] == [(512, 1024), (256, 512), (40, 256)]
    assert shapes["bn2.weight"] == (256,)
    assert len(shapes) == 9 * (2 + 5) + 2 * 5 + 3 * 2


def test_a_cloud_has_one_feature(network: PointNet2):
    some = clouds(3, 600)
    again = network(some)["fc2"]
    assert torch.equal(network(some)["fc2"], again)
    torch.testing.assert_close(network(some[1:2])["fc2"], again[1:2], rtol=1e-4, atol=1e-6)


def test_order_of_the_points_after_the_first_changes_nothing_where_balls_are_not_cut(network: PointNet2):
    """The first point starts the choice of centres, and balls with more points than a group keep the first of them."""
    spread = clouds(1, 512)
    assert (torch.cdist(spread, spread) < 0.2).sum(dim=2).max() <= 32
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(511)])
    expected, found = network(spread)["fc2"], network(spread[:, order])["fc2"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(network(clouds(1, 512, 7))["fc2"], expected)


def test_a_group_sees_positions_relative_to_its_centre_but_the_last_one_absolute(network: PointNet2):
    some = clouds(1, 600)
    moved = some + 3
    _, features = network.sa1(some, None)
    _, of_moved = network.sa1(moved, None)
    torch.testing.assert_close(of_moved, features, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(network(moved)["global"], network(some)["global"], rtol=1e-3)


def test_a_layer_by_hand():
    """One group around each of two far points; the layer is made to be the largest x of the group, never below 0."""
    layer = SetAbstraction(2, 0.5, 4, 3, [1]).eval()
    with torch.no_grad():
        layer.mlp_convs[0].weight.copy_(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1))
        layer.mlp_convs[0].bias.zero_()
    cloud = torch.tensor([[[0.0, 0, 0], [0.25, 0, 0], [-0.375, 0, 0], [5, 0, 0], [5.125, 0, 0]]])
    centres, features = layer(cloud, None)
    assert centres.tolist() == [[[0, 0, 0], [5.125, 0, 0]]]
    # Around the second centre everything lies at x <= 0.
    torch.testing.assert_close(features, torch.tensor([[[0.25], [0.0]]]), rtol=1e-4, atol=1e-6)
