import math

import pytest
import torch

from hdray.metrics.novelty import copying_z, farther, nearest, novelty, weight_distances


def vectors(count: int, seed: int, size: int = 500) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_weight_distances():
    a, b = vectors(3, 0), vectors(4, 1)
    expected = [[math.dist(x, y) for y in b.tolist()] for x in a.tolist()]
    torch.testing.assert_close(weight_distances(a, b), torch.tensor(expected))


def test_a_copied_vector_is_at_distance_zero():
    # Many large entries: a matrix product in float32 would give about 1 here.
    training = 30 + vectors(60, 0, 4_000)
    assert torch.equal(weight_distances(training[5:6], training)[0, 5], torch.tensor(0.0))


def test_nearest_breaks_ties_by_index():
    found = nearest(torch.tensor([[3.0, 1.0, 1.0, 0.5]]), 3)
    assert found.indices.tolist() == [[3, 1, 2]]
    assert found.distances.tolist() == [[0.5, 1.0, 1.0]]
    assert nearest(torch.zeros(2, 1), 3).indices.tolist() == [[0], [0]]


def test_copies_and_new_shapes_can_be_told():
    training, held_out = vectors(30, 0), vectors(20, 1)
    noisy = training[:20] + 0.05 * vectors(20, 3)
    to_training = [weight_distances(kind, training) for kind in (training[:7] + 0.001, held_out, noisy)]
    copies = novelty("weights", *to_training).summary()
    assert copies["farther_than_held_out"] == 0.0
    assert copies["generated"] == pytest.approx(0.001 * 500**0.5, rel=1e-3)
    assert copies["noise"] == pytest.approx(0.05 * 500**0.5, rel=0.1)
    new = novelty("weights", weight_distances(vectors(20, 2), training), *to_training[1:]).summary()
    assert new["farther_than_noise"] == 1.0
    assert 0.2 < new["farther_than_held_out"] < 0.8


def test_farther_counts_pairs():
    assert farther(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0])) == (0.5 + 0 + 1 + 1) / 4
    assert math.isnan(farther(torch.tensor([1.0]), torch.tensor([])))


def test_novelty_needs_training_shapes():
    with pytest.raises(ValueError, match="training shapes"):
        novelty("chamfer", torch.zeros(2, 0), torch.zeros(2, 0), torch.zeros(2, 0))


@pytest.mark.parametrize(("n", "m", "levels"), [(30, 20, 0), (12, 40, 0), (25, 25, 4)])
def test_copying_z_is_the_normal_score_of_mann_whitney(n: int, m: int, levels: int):
    """scipy gives probabilities; the score is what they are probabilities of. With few levels there are many ties."""
    from scipy.stats import mannwhitneyu, norm

    generated, held_out = vectors(n, 0, 1)[:, 0] - 0.4, vectors(m, 1, 1)[:, 0]
    if levels:
        generated, held_out = (generated * levels).round(), (held_out * levels).round()
    z = copying_z(generated, held_out)
    for alternative, probability in (("less", norm.cdf(z)), ("greater", norm.sf(z))):
        expected = mannwhitneyu(
            generated.double().numpy(),
            held_out.double().numpy(),
            alternative=alternative,
            use_continuity=False,
            method="asymptotic",
        )
        assert probability == pytest.approx(expected.pvalue, rel=1e-9)


def test_copying_z_sees_copies_and_nothing_where_there_is_nothing():
    near, far = torch.linspace(0, 1, 30), torch.linspace(2, 3, 30)
    assert copying_z(near, far) < -1.96
    assert copying_z(far, near) > 1.96
    assert abs(copying_z(near, near.flip(0))) < 1e-12
    assert math.isnan(copying_z(near[:0], far))
    assert math.isnan(copying_z(torch.ones(3), torch.ones(4)))
