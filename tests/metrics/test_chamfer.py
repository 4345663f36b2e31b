import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics import chamfer, trees
from hdray.metrics.chamfer import chamfer_matrix, chamfer_matrix_of_sizes, distances_from_one, matrix_by_sizes


def random_clouds(count: int, points: int, seed: int) -> torch.Tensor:
    return torch.rand(count, points, 3, generator=torch.Generator().manual_seed(seed)) - 0.5


def brute_force(a: torch.Tensor, b: torch.Tensor, squared: bool) -> np.ndarray:
    """Straight from the definition, in float64, one pair and one direction at a time."""
    result = np.zeros((len(a), len(b)))
    for i, x in enumerate(a.double().numpy()):
        for j, y in enumerate(b.double().numpy()):
            for one, other in ((x, y), (y, x)):
                nearest = [np.min(np.linalg.norm(other - point, axis=1)) for point in one]
                result[i, j] += np.mean(np.square(nearest) if squared else nearest)
    return result


@pytest.mark.parametrize("squared", [True, False])
def test_equals_brute_force(squared: bool):
    a, b = random_clouds(3, 150, 0), random_clouds(4, 90, 1)
    np.testing.assert_allclose(chamfer_matrix(a, b, squared=squared), brute_force(a, b, squared), rtol=2e-6)


@pytest.mark.parametrize("squared", [True, False])
def test_agrees_with_brute_force_to_a_millionth(squared: bool):
    """Clouds as large as shapes are compared by: nearest distances are small there, and their digits count."""
    a, b = random_clouds(2, 1_500, 2), random_clouds(2, 2_048, 3)
    np.testing.assert_allclose(chamfer_matrix(a, b, squared=squared), brute_force(a, b, squared), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("squared", [True, False])
def test_clouds_of_several_sizes(squared: bool):
    sizes = [(5, 0), (1, 1), (30, 2), (5, 3), (30, 4), (7, 5)]
    a = [random_clouds(1, count, seed)[0] for count, seed in sizes]
    b = [random_clouds(1, count, 10 + seed)[0] for count, seed in sizes[:4]]
    expected = [[brute_force(x[None], y[None], squared)[0, 0] for y in b] for x in a]
    np.testing.assert_allclose(chamfer_matrix_of_sizes(a, b, squared=squared), expected, rtol=2e-6)
    own = chamfer_matrix_of_sizes(a, squared=squared)
    assert torch.equal(own, own.T)
    torch.testing.assert_close(own, chamfer_matrix_of_sizes(a, a, squared=squared), rtol=1e-6, atol=0)
    assert chamfer_matrix_of_sizes([], b).shape == (0, 4)
    # As on a GPU, those of one size as one matrix.
    for others, whole in ((b, chamfer_matrix_of_sizes(a, b, squared=squared)), (None, own)):
        torch.testing.assert_close(matrix_by_sizes(a, others, squared, "cpu"), whole, rtol=1e-6, atol=0)
    with pytest.raises(ValueError, match=r"the shape \(4, 2\); it must be \(P, 3\)"):
        chamfer_matrix_of_sizes(a, [torch.zeros(4, 2)])


def test_a_tree_a_cloud(monkeypatch: pytest.MonkeyPatch):
    """However many sizes there are."""
    built = []
    tree = trees._Cloud.__init__
    monkeypatch.setattr(
        trees._Cloud, "__init__", lambda self, points: (built.append(len(points)), tree(self, points))[1]
    )
    clouds = [random_clouds(1, count, count)[0] for count in range(3, 9)]
    chamfer_matrix_of_sizes(clouds[:4], clouds[4:])
    assert sorted(built) == [3, 4, 5, 6, 7, 8]


def test_small_distances_far_from_the_origin_keep_their_digits():
    """Clouds that nearly coincide: |x|^2 + |y|^2 - 2 xy would give noise here, not distances."""
    a = random_clouds(2, 200, 0) + 4
    b = a + 1e-3 * random_clouds(2, 200, 1)
    np.testing.assert_allclose(chamfer_matrix(a, b), brute_force(a, b, True), rtol=1e-5)


def test_worked_by_hand():
    a = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]])
    b = torch.tensor([[[0.0, 0, 0], [0, 2, 0]]])
    # a -> b: 0 and 1; b -> a: 0 and 4
    assert chamfer_matrix(a, b).item() == 0.5 + 2.0
    assert chamfer_matrix(a, b, squared=False).item() == 0.5 + 1.0


@pytest.mark.parametrize("squared", [True, False])
def test_blocks_give_what_trees_give(monkeypatch: pytest.MonkeyPatch, squared: bool):
    """GPUs compute all distances by blocks; the same code runs on any device."""
    a, b = random_clouds(2, 130, 0), random_clouds(3, 70, 1)
    expected = chamfer_matrix(a, b, squared=squared)
    for block in (70, 1_000, 30_000, 2**27):
        monkeypatch.setattr(chamfer, "BLOCK", block)
        rows = [distances_from_one(cloud.T.contiguous(), b.transpose(1, 2), squared) for cloud in a]
        torch.testing.assert_close(torch.stack(rows), expected, rtol=1e-5, atol=0)


def test_coordinates_that_are_not_numbers_are_refused():
    a = random_clouds(2, 10, 0)
    a[1, 3, 2] = torch.nan
    with pytest.raises(ValueError, match="finite"):
        chamfer_matrix(a, random_clouds(2, 10, 1))


def test_of_a_set_with_itself():
    a = random_clouds(5, 64, 0)
    own = chamfer_matrix(a)
    assert torch.equal(own, own.T)
    assert torch.equal(own.diagonal(), torch.zeros(5))
    torch.testing.assert_close(own, chamfer_matrix(a, a), rtol=1e-6, atol=0)


def test_a_distance_does_not_depend_on_the_other_clouds():
    a, b = random_clouds(3, 64, 0), random_clouds(30, 64, 1)
    assert torch.equal(chamfer_matrix(a, b)[1:2, 7:8], chamfer_matrix(a[1:2], b[7:8]))


def test_threads_change_nothing():
    a, b = random_clouds(5, 64, 0), random_clouds(4, 64, 1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = chamfer_matrix(a, b)
        torch.set_num_threads(3)
        assert torch.equal(chamfer_matrix(a, b), alone)
    finally:
        torch.set_num_threads(before)


def test_clouds_of_another_shape():
    with pytest.raises(ValueError, match=r"\(2, 64, 4\); they must be \(N, P, 3\)"):
        chamfer_matrix(random_clouds(2, 64, 0), torch.zeros(2, 64, 4))


def test_empty_sets():
    assert chamfer_matrix(random_clouds(0, 16, 0), random_clouds(3, 16, 1)).shape == (0, 3)
    assert chamfer_matrix(random_clouds(3, 16, 0), random_clouds(0, 16, 1)).shape == (3, 0)
    assert chamfer_matrix(random_clouds(0, 16, 0)).shape == (0, 0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), points=st.integers(1, 40), squared=st.booleans())
def test_is_symmetric_and_zero_for_a_shuffled_copy(seed: int, points: int, squared: bool):
    a, b = random_clouds(2, points, seed), random_clouds(2, points + 3, seed + 1)
    torch.testing.assert_close(
        chamfer_matrix(a, b, squared=squared), chamfer_matrix(b, a, squared=squared).T, rtol=1e-5, atol=0
    )
    shuffled = a[:, torch.randperm(points, generator=torch.Generator().manual_seed(seed))]
    assert torch.equal(chamfer_matrix(a, shuffled, squared=squared).diagonal(), torch.zeros(2))


@pytest.mark.gpu
def test_on_a_gpu():
    a, b = random_clouds(3, 300, 0), random_clouds(4, 200, 1)
    torch.testing.assert_close(chamfer_matrix(a, b, device="cuda"), chamfer_matrix(a, b), rtol=1e-5, atol=0)
    clouds = [random_clouds(1, count, count)[0] for count in (30, 7, 30, 12)]
    for others in (clouds[1:], None):
        expected = chamfer_matrix_of_sizes(clouds, others)
        found = chamfer_matrix_of_sizes(clouds, others, device="cuda")
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_points_that_coincide():
    """A field can collapse to a point; a tree of equal points has nothing to split."""
    collapsed, other = torch.full((1, 300, 3), 0.25), random_clouds(1, 40, 0)
    np.testing.assert_allclose(chamfer_matrix(collapsed, other), brute_force(collapsed, other, True), rtol=2e-6)
    assert chamfer_matrix(collapsed, collapsed).item() == 0
