import json
import math

import pytest
import torch

from hdray.metrics.features import Frechet, accuracy_of, feature_metrics, frechet_in_context
from hdray.metrics.frechet import frechet
from hdray.metrics.kernel import kid, mmd_g, mmd_p, scaled_by_reference


def features(count: int, seed: int, size: int = 8) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def made(**changes: object) -> Frechet:
    values = {
        "value": 1.0, "samples": 79, "dimension": 8, "real_against_real": 0.5, "real_sets": "halves",
        "labels_known": True, "accuracy": 0.9,
    }  # fmt: skip
    return Frechet(**{**values, **changes})


def test_no_frechet_distance_without_its_context():
    assert made().value == 1
    with pytest.raises(ValueError, match="79 samples in 8 dimensions must not be given without that of real"):
        made(real_against_real=None)
    assert made(real_against_real=None, samples=80).samples == 80
    with pytest.raises(ValueError, match="without the network's accuracy"):
        made(accuracy=None)
    assert made(accuracy=None, labels_known=False).accuracy is None


def test_labels_without_accuracy_stop_a_result():
    with pytest.raises(ValueError, match="without the network's accuracy"):
        feature_metrics(features(30, 0), features(30, 1), labels_known=True)


def test_real_against_real_is_of_halves_or_of_training():
    generated, reference, training = features(30, 0) + 5, features(41, 1), features(20, 2)
    halves = frechet_in_context(generated, reference, None, None, False, seed=0)
    assert halves.value == pytest.approx(frechet(generated, reference))
    assert halves.value > 150
    assert halves.real_against_real is not None and 0 < halves.real_against_real < 10
    assert "20 and 21 shapes" in halves.real_sets
    assert (
        frechet_in_context(generated, reference, None, None, False, seed=1).real_against_real
        != halves.real_against_real
    )
    with_training = frechet_in_context(generated, reference, training, None, False, seed=0)
    assert with_training.real_against_real == pytest.approx(frechet(training, reference))
    assert with_training.real_sets == "20 training and 41 reference shapes"


def test_two_samples_of_one_distribution_are_as_far_as_real_from_real():
    """What the context is for: with few samples a Frechet distance of equal distributions is far from zero."""
    values = [
        feature_metrics(features(60, 3 * n), features(60, 3 * n + 1), training=features(60, 3 * n + 2))
        for n in range(10)
    ]
    mean = sum(value["frechet"] for value in values) / 10
    real = sum(value["frechet_real_against_real"] for value in values) / 10
    assert mean > 0.2
    assert mean == pytest.approx(real, rel=0.15)


def test_every_measure_is_the_one_it_is_called():
    generated, reference = features(30, 0) * 2 + 1, features(25, 1) + 4
    plain = feature_metrics(generated, reference, accuracy=0.75, labels_known=True, k=3)
    assert plain["frechet"] == pytest.approx(frechet(generated, reference))
    assert plain["kid"] == kid(generated, reference)
    assert plain["mmd_p"] == mmd_p(generated, reference)
    assert plain["mmd_g_mlora"] == mmd_g(generated, reference)
    assert plain["mmd_g_mlora-literal"] == mmd_g(generated, reference, "mlora-literal")
    assert (plain["network_accuracy_on_reference"], plain["k"], plain["samples"]) == (0.75, 3, 25)
    scaled = feature_metrics(generated, reference, scaled=True)
    assert scaled["frechet"] == pytest.approx(frechet(*scaled_by_reference(generated, reference)) / 8)
    assert scaled["density"] == pytest.approx(feature_metrics(generated, reference)["density"])
    assert json.loads(json.dumps(plain)) == plain


def test_accuracy():
    logits = torch.tensor([[2.0, 1, 0], [0, 1, 0], [3, 2, 1], [1, 0, 5]])
    assert accuracy_of(logits, torch.zeros(4, dtype=torch.int64)) == 0.5
    assert math.isclose(accuracy_of(logits, torch.full((4,), 2)), 0.25)
    assert accuracy_of(logits, torch.tensor([0, 1, 0, 0])) == 0.75  # a class for each
