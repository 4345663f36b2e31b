import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.metrics.features import REAL_DRAWS, accuracy_of, feature_metrics, measures, real_pairs
from hdray.metrics.frechet import frechet
from hdray.metrics.kernel import kid, mmd_g, mmd_p, scaled_by_reference


def features(count: int, seed: int, size: int = 8) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_no_frechet_distance_without_the_accuracy_of_the_network():
    with pytest.raises(TypeError, match="accuracy"):
        feature_metrics(features(30, 0), features(30, 1))  # type: ignore[call-arg]


@pytest.mark.parametrize("generated", [20, 100])
def test_real_against_real_is_of_as_many_samples(generated: int):
    """Equal Gaussians are as far apart as their numbers of samples make them, and so is what stands beside them."""
    training, reference = features(600, 0, 32), features(100, 1, 32)
    found = feature_metrics(features(generated, 2, 32), reference, accuracy=1.0, training=training)
    real = found["real_against_real"]
    assert real["sets"] == f"{generated} of 600 training shapes and the 100 references"
    expected = np.mean([frechet(features(generated, 10 + n, 32), features(100, 50 + n, 32)) for n in range(8)])
    assert real["frechet"] == pytest.approx(expected, rel=0.15)
    assert real["frechet"] > 1.3 * frechet(training, reference), "all training shapes would not be as far"
    assert real["draws"] == REAL_DRAWS


def test_training_shapes_are_drawn_without_replacement_and_by_the_seed():
    numbers = torch.arange(40.0)[:, None]
    pairs, _ = real_pairs(30, features(10, 0, 1), numbers, 0)
    assert all(len(one.unique()) == 30 for one, _ in pairs)
    assert not torch.equal(pairs[0][0], pairs[1][0])
    again, other = (real_pairs(30, features(10, 0, 1), numbers, seed)[0] for seed in (0, 1))
    assert torch.equal(pairs[2][0], again[2][0]) and not torch.equal(pairs[2][0], other[2][0])


def test_too_few_real_shapes_are_said_to_err_upwards():
    reference = torch.arange(41.0)[:, None]
    for generated, taken in ((30, 20), (5, 5)):
        pairs, said = real_pairs(generated, reference, None, 0)
        assert said == (
            f"{taken} and the other {41 - taken} of the references, no training shapes being given: fewer than the "
            f"{generated} and 41 compared, so that the Frechet distance errs upwards"
        )
        for one, other in pairs:
            assert len(one) == taken
            assert torch.equal(torch.cat([one, other]).sort(dim=0).values, reference)
    pairs, said = real_pairs(30, reference, features(12, 0, 1), 0)
    assert len(pairs) == 1, "all of them, however often they are drawn"
    assert "12 of 12 training shapes and the 41 references: fewer than the 30 compared" in said


@settings(max_examples=40, deadline=None)
@given(generated=st.integers(2, 40), references=st.integers(4, 40), training=st.none() | st.integers(4, 40))
def test_real_sets_are_never_larger_than_those_compared(generated: int, references: int, training: int | None):
    reference = torch.arange(float(references))[:, None]
    pool = None if training is None else 100 + torch.arange(float(training))[:, None]
    pairs, said = real_pairs(generated, reference, pool, 0)
    for one, other in pairs:
        assert 2 <= len(one) <= generated and 2 <= len(other) <= references
        together = torch.cat([one, other])
        assert len(together.unique()) == len(together), "no shape is on both sides"
    as_many = (len(pairs[0][0]), len(pairs[0][1])) == (generated, references)
    assert ("errs upwards" in said) == (not as_many)


def test_every_measure_of_two_samples_of_one_distribution_is_as_that_of_real_ones():
    """What the context is for: with few samples a Frechet distance of equal distributions is far from zero."""
    found = [
        feature_metrics(features(60, 3 * n), features(60, 3 * n + 1), accuracy=1.0, training=features(300, 3 * n + 2))
        for n in range(10)
    ]
    mean = {name: np.mean([value[name] for value in found]) for name in measures(features(9, 0), features(9, 1), k=1)}
    real = {name: np.mean([value["real_against_real"][name] for value in found]) for name in mean}
    assert mean["frechet"] > 0.2
    for name in ("frechet", "density", "coverage"):
        assert mean[name] == pytest.approx(real[name], rel=0.15)
    for name in ("kid", "mmd_p", "mmd_g_mlora", "mmd_g_mlora-literal"):
        scale = measures(features(60, 0) + 1, features(60, 1), k=1)[name]
        assert abs(mean[name]) < 0.1 * scale and abs(real[name]) < 0.1 * scale


def test_every_measure_is_the_one_it_is_called():
    generated, reference = features(30, 0) * 2 + 1, features(25, 1) + 4
    plain = feature_metrics(generated, reference, accuracy=0.75, k=3)
    assert plain["frechet"] == pytest.approx(frechet(generated, reference))
    assert plain["kid"] == kid(generated, reference)
    assert plain["mmd_p"] == mmd_p(generated, reference)
    assert plain["mmd_g_mlora"] == mmd_g(generated, reference)
    assert plain["mmd_g_mlora-literal"] == mmd_g(generated, reference, "mlora-literal")
    assert (plain["network_accuracy_on_reference"], plain["k"], plain["samples"]) == (0.75, 3, 25)
    scaled = feature_metrics(generated, reference, accuracy=0.75, scaled=True)
    assert scaled["frechet"] == pytest.approx(frechet(*scaled_by_reference(generated, reference)) / 8)
    assert scaled["density"] == pytest.approx(feature_metrics(generated, reference, accuracy=0.75)["density"])
    assert json.loads(json.dumps(plain)) == plain


def test_the_border_of_a_ball_is_exact():
    """On a line of integers far from 0 the second nearest is at distance 1, as the nearest is: only the centre is inside.

    Either end has its second nearest at 2, and its neighbour inside. A matrix product would not tell the last digits.
    """
    line = torch.full((40, 4), 1e9, dtype=torch.float64)
    line[:, 0] += torch.arange(40)
    found = measures(line, line, k=2)
    assert found["density"] == pytest.approx((40 + 2) / (2 * 40))
    assert found["coverage"] == 1


def test_accuracy():
    logits = torch.tensor([[2.0, 1, 0], [0, 1, 0], [3, 2, 1], [1, 0, 5]])
    assert accuracy_of(logits, torch.zeros(4, dtype=torch.int64)) == 0.5
    assert math.isclose(accuracy_of(logits, torch.full((4,), 2)), 0.25)
    assert accuracy_of(logits, torch.tensor([0, 1, 0, 0])) == 0.75  # a class for each
