"""The sentences follow from the numbers."""

import numpy as np
import pytest

from hdray.report.audit_findings import audit_finding, copying
from hdray.report.data import NearestDistances

UNSEEN = np.linspace(2, 3, 101)
NOISED = np.linspace(0.1, 0.3, 51)


def verdict(generated: np.ndarray, held_out: np.ndarray = UNSEEN, noise: np.ndarray = NOISED) -> str:
    distances = NearestDistances(space="weights", generated=generated, held_out=held_out, noise=noise)
    return audit_finding(distances).sentence


@pytest.mark.parametrize(
    ("generated", "expected"),
    [
        (NOISED, "the model memorises"),
        (UNSEEN, "no sign of memorising"),
        # Three in ten are copies, the rest are as unseen shapes are.
        (np.concatenate([np.full(30, 0.2), np.linspace(2.1, 3, 70)]), "lean towards the training set"),
        (UNSEEN * 3, "far from all real ones"),
    ],
)
def test_verdicts(generated: np.ndarray, expected: str) -> None:
    assert expected in verdict(generated)


def test_the_numbers_are_in_the_sentence() -> None:
    sentence = verdict(np.concatenate([np.full(20, 0.2), np.full(80, 2.5)]))
    assert "generated 2.5, held out 2.5, training weights plus noise 0.2" in sentence
    assert "20 % of generated shapes" in sentence


def test_distances_of_empty_shapes_do_not_count() -> None:
    assert verdict(np.append(UNSEEN, np.nan)) == verdict(UNSEEN)


def test_exact_copies_are_named() -> None:
    assert "20 generated shapes are exact copies" in verdict(np.concatenate([np.zeros(20), np.full(80, 2.5)]))
    assert "exact copies" not in verdict(UNSEEN)


def test_no_verdict_without_both_sides() -> None:
    assert "no verdict" in verdict(UNSEEN, held_out=np.zeros(0))
    assert "no verdict" in verdict(np.full(3, np.nan))


@pytest.mark.parametrize(
    ("z", "verdict"), [(-1.97, "Here they do"), (-1.9, "may be chance"), (2.5, "as rough copies would be")]
)
def test_copying_in_one_number(z: float, verdict: str) -> None:
    found = copying({"nearest_chamfer_copying_z": z})
    assert found is not None
    assert found.value == f"{z:.2f}"
    assert verdict in found.sentence
    assert "Below -1.96" in found.sentence
    assert copying({"nearest_weights_copying_z": z}) is None


def test_copies_of_weights_are_not_passed_over() -> None:
    found = copying({"nearest_chamfer_copying_z": 2.1, "nearest_weights_copying_z": -3.5})
    assert found is not None
    assert "In weights Z is -3.50: there they are nearer, so the model copies weights." in found.sentence
