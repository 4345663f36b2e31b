"""The sentences follow from the numbers."""

import numpy as np
import pytest

from hdray.metrics.protocols import NORMALISATIONS
from hdray.report.data import NearestDistances
from hdray.report.findings import (
    audit_finding,
    compared_sets,
    copying,
    cost_sentence,
    fit_table,
    metric_table,
    protocol_sentence,
)

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


def test_fits_over_all_inputs_count_missing_ones_as_zero() -> None:
    rows = {row.name: row for row in fit_table(np.full(8, 0.9), np.full(8, 0.8), inputs=10)}
    assert rows["near the surface"].mean == "0.800"
    assert rows["near the surface, all 10 inputs"].mean == "0.640"
    assert rows["uniform in the box, all 10 inputs"].fifth == "0.000"
    assert len(fit_table(np.full(8, 0.9), np.full(8, 0.8), inputs=8)) == 2


def test_known_metrics_are_explained_and_unknown_ones_listed() -> None:
    rows = metric_table({"other": 2.0, "nearest_chamfer_farther_than_noise": 0.875, "nna_cd": 0.5}, {})
    assert [row.value for row in rows] == ["0.5", "2", "0.875"]
    assert rows[2].name == "Farther than noise, by Chamfer distance"
    assert "Near 1: new" in rows[2].good
    assert "below 0.5 points to copies" in rows[0].good
    assert rows[1].name == "other"


def test_intervals_stand_beside_their_metrics_and_say_what_they_are_of() -> None:
    metrics = {"mmd_cd": 0.25, "cov_cd": 0.5, "nna_cd": 0.75, "one_body": 1.0}
    families, draws = {"interval_of": "the mean, given the generated shapes"}, {"interval_of": "single draws"}
    rows = metric_table(
        metrics,
        {
            "mmd_cd": {"low": 0.2, "high": 0.3125, **families},
            "cov_cd": {"low": 0.4, "high": 0.6, **draws},
            "nna_cd": {"low": None, "high": None, **families},
        },
    )
    assert [row.interval for row in rows] == [
        "0.2 to 0.3125, the mean, given the generated shapes", "0.4 to 0.6, single draws", "", "",
    ]  # fmt: skip


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


def test_what_the_generator_took() -> None:
    sentence = cost_sentence({"parameters": 1_406_800, "samples_seen": 64_000, "train_seconds": 1234.5})
    assert "1,406,800 parameters; 64,000 training samples seen, with repetitions; 1,234 s of training" in sentence
    assert cost_sentence({"parameters": 7}) == "What the generator took: 7 parameters. Compare runs that took as much."
    assert cost_sentence({}) == ""


def test_the_protocol_in_words() -> None:
    sentence = protocol_sentence(
        {"name": "a-code", "points": 2048, "normalisation": "std", "squared": False, "reference_split": "test", "x": 1}
    )
    for part in ("the protocol a-code", "2048 points", "standard deviation", "not squared", "the test split"):
        assert part in sentence
    assert "counts as a miss" in sentence
    assert "is replaced by another one" in protocol_sentence({"points": 2048, "generated_factor": 1.1})
    assert protocol_sentence({}) == ""


@pytest.mark.parametrize("mode", NORMALISATIONS)
def test_every_normalisation_has_words(mode: str) -> None:
    assert f"normalisation {mode}" not in protocol_sentence({"normalisation": mode})


def test_controls_stand_beside_the_generated_shapes() -> None:
    own = {
        "mmd_cd": 0.001,
        "cov_cd": 0.4,
        "nna_cd": 0.7,
        "nearest_chamfer_generated": 0.02,
        "nearest_chamfer_copying_z": -3,
    }
    controls = {"real": {"mmd_cd": 0.0005, "nna_cd": 0.5, "count": 18, "empty": 0}, "another": {}}
    rows = compared_sets(own, controls, {"generated": 1_024, "empty": 3, "points": 2_048})
    assert [(row.name, row.own) for row in rows] == [
        ("Generated", True),
        ("Real against real: training shapes themselves", False),
        ("another", False),
    ]
    assert rows[0].values == ("1024", "3", "0.001", "0.4", "0.7", "0.02", "-3")
    assert rows[1].values[:5] == ("18", "0", "0.0005", "\N{EN DASH}", "0.5")
    assert compared_sets(own, {}, {}) == []
