import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.metrics.normalise import normalise


def clouds() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(4, 100, 3, generator=generator) * torch.tensor([3.0, 1.0, 0.5]) + 7


def test_none_changes_nothing():
    assert torch.equal(normalise(clouds(), "none"), clouds())


def test_std_is_that_of_the_flattened_cloud():
    for cloud, result in zip(clouds().numpy(), normalise(clouds(), "std").numpy(), strict=True):
        centred = cloud - cloud.mean(axis=0)
        np.testing.assert_allclose(result, centred / centred.reshape(-1).std(), atol=1e-5)


def test_box_has_longest_edge_one_about_the_origin():
    result = normalise(clouds(), "box")
    edges = result.amax(dim=1) - result.amin(dim=1)
    torch.testing.assert_close(edges.amax(dim=1), torch.ones(4))
    torch.testing.assert_close(result.amax(dim=1), -result.amin(dim=1), atol=1e-6, rtol=0)


def test_sphere_reaches_distance_one():
    result = normalise(clouds(), "sphere")
    torch.testing.assert_close(result.norm(dim=2).amax(dim=1), torch.ones(4))
    torch.testing.assert_close(result.mean(dim=1), torch.zeros(4, 3), atol=1e-6, rtol=0)


def test_extent_is_that_of_the_published_code():
    for cloud, result in zip(clouds().numpy(), normalise(clouds(), "extent").numpy(), strict=True):
        centred = cloud - cloud.mean(axis=0)
        np.testing.assert_allclose(result, centred * 0.95 / max(centred.max(), -centred.min()), atol=1e-5)


@pytest.mark.parametrize("mode", ["std", "box", "sphere", "extent"])
def test_each_cloud_by_itself(mode: str):
    torch.testing.assert_close(normalise(clouds()[2:3], mode), normalise(clouds(), mode)[2:3])


@pytest.mark.parametrize("mode", ["std", "box", "sphere", "extent"])
def test_coinciding_points_stay_finite(mode: str):
    assert torch.equal(normalise(torch.full((1, 8, 3), 2.0), mode), torch.zeros(1, 8, 3))


def test_unknown_mode():
    with pytest.raises(UserError, match="none, std, box, sphere, extent"):
        normalise(clouds(), "unit")
