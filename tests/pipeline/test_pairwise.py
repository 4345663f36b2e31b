import pytest
import torch

from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes
from hdray.metrics.emd import emd_matrix
from hdray.metrics.temporal import chamfer_distances
from hdray.pipeline import pairwise as module
from hdray.pipeline.cluster import Resources
from hdray.pipeline.pairwise import pairwise

RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)

pytestmark = pytest.mark.ray


def clouds(count: int, points: int, seed: int) -> list[torch.Tensor]:
    return list(torch.rand(count, points, 3, generator=torch.Generator().manual_seed(seed)))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few shapes make many tasks, the last of them not full."""
    monkeypatch.setattr(module, "BLOCK", {"chamfer": 3, "emd": 2})


@pytest.mark.parametrize("squared", [True, False])
def test_blocks_make_the_matrix(ray_cluster: None, squared: bool) -> None:
    a, b = clouds(7, 20, 0), clouds(5, 30, 1)
    across = pairwise("chamfer", a, b, squared=squared, resources=RESOURCES)
    assert torch.equal(across, chamfer_matrix(torch.stack(a), torch.stack(b), squared=squared))
    own = pairwise("chamfer", a, None, squared=squared, resources=RESOURCES)
    torch.testing.assert_close(own, chamfer_matrix(torch.stack(a), squared=squared), rtol=1e-6, atol=0)
    assert torch.equal(own, own.T)
    assert torch.equal(own.diagonal(), torch.zeros(7))


def test_clouds_of_several_sizes(ray_cluster: None) -> None:
    a, b = clouds(4, 20, 0) + clouds(3, 9, 1), clouds(2, 9, 2) + clouds(3, 1, 3)
    across = pairwise("chamfer", a, b, squared=True, resources=RESOURCES)
    torch.testing.assert_close(across, chamfer_matrix_of_sizes(a, b), rtol=1e-6, atol=0)


def test_animations(ray_cluster: None) -> None:
    a = list(torch.rand(5, 4, 20, 3, generator=torch.Generator().manual_seed(0)))
    b = list(torch.rand(4, 4, 9, 3, generator=torch.Generator().manual_seed(1)))
    across = pairwise("chamfer", a, b, squared=True, resources=RESOURCES)
    torch.testing.assert_close(across, chamfer_distances(torch.stack(a), torch.stack(b)), rtol=1e-6, atol=0)
    own = pairwise("chamfer", a, None, squared=True, resources=RESOURCES)
    torch.testing.assert_close(own, chamfer_distances(torch.stack(a)), rtol=1e-6, atol=0)


def test_earth_movers_distances(ray_cluster: None) -> None:
    a, b = clouds(3, 12, 0), clouds(5, 12, 1)
    across = pairwise("emd", a, b, squared=False, resources=RESOURCES)
    assert torch.equal(across, emd_matrix(torch.stack(a), torch.stack(b)))
    own = pairwise("emd", b, None, squared=False, resources=RESOURCES)
    torch.testing.assert_close(own, emd_matrix(torch.stack(b)), rtol=1e-6, atol=0)


def test_no_shapes(ray_cluster: None) -> None:
    assert pairwise("chamfer", [], clouds(5, 12, 1), squared=True, resources=RESOURCES).shape == (0, 5)
    assert pairwise("chamfer", [], None, squared=True, resources=RESOURCES).shape == (0, 0)
