import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.metrics.projection import in_the_plane


def groups(each: int = 20, size: int = 300) -> torch.Tensor:
    """Three groups of vectors about centres of their own."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(3, size, generator=generator)
    return centres.repeat_interleave(each, 0) + 0.5 * torch.randn(3 * each, size, generator=generator)


def test_neighbours_in_the_plane_are_neighbours_in_weights():
    points = in_the_plane(groups(), seed=0)
    assert points.shape == (60, 2)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.diag(np.full(60, np.inf))
    assert (distances.argmin(1) // 20 == np.arange(60) // 20).all()


def test_the_same_seed_gives_the_same_picture():
    theta = groups(8)
    assert np.array_equal(in_the_plane(theta, seed=1), in_the_plane(theta, seed=1))


def test_few_vectors_and_few_entries():
    assert np.isfinite(in_the_plane(groups(2, 1), seed=0)).all()
    with pytest.raises(UserError, match="3 vectors"):
        in_the_plane(torch.zeros(3, 2), seed=0)
    with pytest.raises(UserError, match="all the same"):
        in_the_plane(torch.ones(5, 2), seed=0)
