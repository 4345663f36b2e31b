import pytest
import torch

from hdray.metrics.controls import KINDS, control_set, in_place_of_generated, offered
from hdray.metrics.protocols import protocol_named
from hdray.metrics.selection import Selection
from hdray.metrics.shape_sets import ShapeSet

IDS = [f"id{number}" for number in range(12)]


def training(size: int = 3_000) -> torch.Tensor:
    return torch.randn(12, size, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.5, 2, 12)[:, None]


def source(name: str, theta: torch.Tensor) -> torch.Tensor:
    return theta[IDS.index(name.rpartition("/")[2])]


@pytest.mark.parametrize("kind", KINDS)
def test_neither_order_nor_count_changes_a_sample(kind: str):
    theta = training(50)
    names, samples = control_set(kind, theta, IDS, 5, seed=1)
    assert names == [name for name in names if name.startswith(f"{kind}/")] and len(set(names)) == 5
    more_names, more = control_set(kind, theta.flip(0), IDS[::-1], 99, seed=1)
    assert len(more_names) == 12
    assert more_names[:5] == names
    torch.testing.assert_close(more[:5], samples, rtol=0, atol=1e-6)
    assert control_set(kind, theta, IDS, 12, seed=2)[0] != more_names


def test_training_and_repeated():
    theta = training()
    names, samples = control_set("training", theta, IDS, 12, 0)
    assert all(torch.equal(sample, source(name, theta)) for name, sample in zip(names, samples, strict=True))
    _, repeated = control_set("repeated", theta, IDS, 12, 0)
    assert len(repeated.unique(dim=0)) == 1
    assert (theta == repeated[0]).all(dim=1).sum() == 1


@pytest.mark.parametrize("sigma", [0.02, 0.04])
def test_noise_has_its_size(sigma: float):
    theta = training()
    names, samples = control_set(f"noise-{sigma}", theta, IDS, 12, 0)
    noise = samples - torch.stack([source(name, theta) for name in names])
    torch.testing.assert_close(noise.std(dim=1), torch.full((12,), sigma), rtol=0.06, atol=0)
    correlation = torch.corrcoef(noise) - torch.eye(12)
    assert correlation.abs().max() < 0.1, "each sample has noise of its own"


def test_average_is_of_two_different_vectors():
    theta = training(5)
    for name, sample in zip(*control_set("average", theta, IDS, 12, 0), strict=True):
        other = 2 * sample - source(name, theta)
        assert ((theta - other).norm(dim=1) < 1e-5).sum() == 1
        assert (other - source(name, theta)).norm() > 1e-3


def test_nearest_lies_between_a_vector_and_its_nearest_neighbour():
    theta = training(5)
    shares = []
    for name, sample in zip(*control_set("nearest", theta, IDS, 12, 0), strict=True):
        start = source(name, theta)
        distances = (theta - start).norm(dim=1)
        end = theta[distances.argsort()[1]]
        shares.append(float((sample - start).norm() / (end - start).norm()))
        torch.testing.assert_close(sample, start + shares[-1] * (end - start), rtol=0, atol=1e-5)
    assert min(shares) < 0.4 and max(shares) > 0.6 and all(0 <= share <= 1 for share in shares)


def test_pca_gaussian_has_the_mean_and_covariance_of_training():
    stream = torch.Generator().manual_seed(0)
    theta = torch.randn(4_000, 3, generator=stream) @ torch.tensor([[2.0, 1, 0], [0, 1, 0], [0, 0, 0]]) + 5
    ids = [str(number) for number in range(4_000)]
    _, samples = control_set("pca-gaussian", theta, ids, 4_000, 0)
    torch.testing.assert_close(samples.mean(dim=0), theta.mean(dim=0), rtol=0, atol=0.15)
    torch.testing.assert_close(samples.T.cov(), theta.T.cov(), rtol=0, atol=0.3)
    assert samples[:, 2].std() < 1e-3, "nothing outside the span of the training vectors"


def test_what_cannot_be_made():
    with pytest.raises(ValueError, match="'noise' is not one of training"):
        control_set("noise", training(5), IDS, 3, 0)
    with pytest.raises(ValueError, match="12 vectors need as many different ids, not 11"):
        control_set("training", training(5), [*IDS[:11], IDS[0]], 3, 0)
    with pytest.raises(ValueError, match="two training vectors"):
        control_set("average", training(5)[:1], IDS[:1], 3, 0)


def shapes(count: int, empty: int = 0) -> ShapeSet:
    names = [f"{number:03d}" for number in range(count)]
    return ShapeSet(names, [torch.zeros(2, 3)] * count, names, {f"e{number}": "no surface" for number in range(empty)})


@pytest.mark.parametrize(
    ("protocol", "made", "empty", "expected"),
    [
        # Ten generated shapes, two of them misses; of a control: compared, misses, left aside.
        ("none", 7, 3, (7, 3, 0)),
        ("none", 4, 1, (4, 1, 0)),
        ("none", 12, 0, (10, 0, 2)),
        ("none", 0, 10, (0, 10, 0)),
        # A tenth more than compared are made, from which the empty ones are replaced.
        ("hyperdiffusion-code", 10, 1, (10, 0, 1)),
        ("hyperdiffusion-code", 8, 3, (8, 0, 3)),
        ("hyperdiffusion-code", 0, 11, (0, 10, 1)),
    ],
)
def test_a_control_is_compared_as_generated_shapes_are(
    protocol: str, made: int, empty: int, expected: tuple[int, int, int]
):
    asked = protocol_named(protocol)
    selection = Selection(shapes(8), shapes(6), 2, {"generated": 0, "reference": 0})
    assert offered(selection, asked) == (11 if protocol == "hyperdiffusion-code" else 10)
    found = in_place_of_generated(shapes(made, empty), selection, asked)
    assert (len(found.generated), found.misses, found.unused["generated"]) == expected
    assert found.reference is selection.reference
    assert found.generated.names == shapes(made).names[: len(found.generated)]
