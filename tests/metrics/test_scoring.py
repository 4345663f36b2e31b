import json

import numpy as np
import pytest
import torch

from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.frechet import frechet
from hdray.metrics.protocols import Protocol, protocol_named
from hdray.metrics.scoring import Distances, distance_scores, feature_scores
from hdray.metrics.selection import Selection, draws
from hdray.metrics.shape_sets import ShapeSet
from tests.metrics.means import metric_means


def ellipsoids(count: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    """Clouds (N, 48, 3) on ellipsoids of random proportions."""
    stream = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(count, 48, 3, generator=stream), dim=2)
    return directions * (0.2 + 0.6 * torch.rand(count, 1, 3, generator=stream)) + shift


def compared(
    made: torch.Tensor, real: torch.Tensor, misses: int = 0, families: list[str] | None = None
) -> tuple[Distances, Selection]:
    sets = [
        ShapeSet([str(row) for row in range(len(clouds))], list(clouds), [str(row) for row in range(len(clouds))])
        for clouds in (made, real)
    ]
    if families:
        sets[1] = ShapeSet(sets[1].names, sets[1].clouds, families)
    distances = Distances(chamfer_matrix(made, real), chamfer_matrix(made), chamfer_matrix(real))
    return distances, Selection(*sets, misses, {})


NONE = protocol_named("none")


def test_scores_are_the_metrics_with_intervals_around_them():
    distances, selection = compared(ellipsoids(30, 0), ellipsoids(25, 1), misses=3)
    metrics, intervals = distance_scores(distances, "cd", selection, NONE, 0)
    plain = metric_means(distances.across, distances.generated, distances.reference, 3)
    assert metrics == pytest.approx({f"{name}_cd": value for name, value in plain.items()})
    for name, value in metrics.items():
        assert intervals[name]["low"] < value < intervals[name]["high"]
    assert intervals["mmd_cd"]["families"] == 25
    assert intervals["nna_cd"]["families"] == 33 + 25
    assert json.loads(json.dumps(intervals)) == intervals


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    """1-NNA is 50 % within its interval: in nine of ten pairs of samples at least, and never far from it."""
    inside, values = 0, []
    for seed in range(10):
        distances, selection = compared(ellipsoids(60, 2 * seed), ellipsoids(60, 2 * seed + 1))
        metrics, intervals = distance_scores(distances, "cd", selection, NONE, 0)
        inside += intervals["nna_cd"]["low"] <= 0.5 <= intervals["nna_cd"]["high"]
        values.append(metrics["nna_cd"])
    assert inside >= 8
    assert np.mean(values) == pytest.approx(0.5, abs=0.05)


def test_disjoint_distributions_are_told_apart_every_time():
    distances, selection = compared(ellipsoids(20, 0), ellipsoids(20, 1, shift=5.0))
    metrics, intervals = distance_scores(distances, "cd", selection, NONE, 0)
    assert metrics["nna_cd"] == 1
    assert (intervals["nna_cd"]["low"], intervals["nna_cd"]["high"]) == (1, 1)


def test_a_set_against_itself():
    """Itself is excluded as a neighbour and copies are not: no shape is told apart from its copy."""
    real = ellipsoids(20, 0)
    copies = real[:, torch.randperm(48, generator=torch.Generator().manual_seed(0))]
    for made in (real, copies):
        distances, selection = compared(made, real)
        metrics, _ = distance_scores(distances, "cd", selection, NONE, 0)
        assert metrics == {"mmd_cd": 0, "cov_cd": 1, "nna_cd": 0}


def test_scale_is_of_mmd_alone():
    distances, selection = compared(ellipsoids(12, 0), ellipsoids(10, 1))
    plain, _ = distance_scores(distances, "cd", selection, NONE, 0)
    scaled, intervals = distance_scores(distances, "cd", selection, Protocol(name="x", source="", scale=100), 0)
    assert scaled == pytest.approx({**plain, "mmd_cd": 100 * plain["mmd_cd"]})
    assert intervals["mmd_cd"]["low"] < scaled["mmd_cd"] < intervals["mmd_cd"]["high"]


def test_shapes_of_one_family_are_one_in_an_interval():
    real = ellipsoids(6, 1).repeat_interleave(8, dim=0)
    distances, selection = compared(ellipsoids(20, 0), real)
    _, as_files = distance_scores(distances, "cd", selection, NONE, 0)
    families = [str(row // 8) for row in range(48)]
    distances, selection = compared(ellipsoids(20, 0), real, families=families)
    _, as_families = distance_scores(distances, "cd", selection, NONE, 0)
    assert as_families["mmd_cd"]["families"] == 6

    def width(found: dict) -> float:
        return found["mmd_cd"]["high"] - found["mmd_cd"]["low"]

    assert width(as_families) > 1.5 * width(as_files)


def test_all_empty():
    distances, selection = compared(ellipsoids(0, 0), ellipsoids(5, 1), misses=4)
    metrics, intervals = distance_scores(distances, "cd", selection, NONE, 0)
    assert metrics == {"mmd_cd": float("inf"), "cov_cd": 0, "nna_cd": 1}
    assert "mmd_cd" not in intervals


def test_draws_are_means_over_small_sets_and_not_comparable_with_whole_ones():
    protocol = Protocol(name="small", source="", shapes=8, draws=200)
    distances, selection = compared(ellipsoids(60, 0), ellipsoids(60, 1))
    whole, _ = distance_scores(distances, "cd", selection, NONE, 0)
    drawn, intervals = distance_scores(distances, "cd", selection, protocol, 0)
    assert drawn["mmd_cd"] > 1.1 * whole["mmd_cd"], "fewer shapes to be nearest"
    for name, value in drawn.items():
        assert intervals[name]["low"] <= value <= intervals[name]["high"]
        assert intervals[name]["over"] == "draws"
    again, _ = distance_scores(distances, "cd", selection, protocol, 0)
    assert again == drawn
    # By hand: COV of one shape drawn eight times against one reference drawn eight times is one of eight.
    one, alone = compared(ellipsoids(1, 0), ellipsoids(1, 1))
    metrics, _ = distance_scores(one, "cd", alone, protocol, 0)
    assert metrics["cov_cd"] == 1 / 8
    assert metrics["mmd_cd"] == pytest.approx(one.across.item())


def test_features_over_draws():
    stream = torch.Generator().manual_seed(0)
    made, real = torch.randn(40, 4, generator=stream) + 1, torch.randn(50, 4, generator=stream)
    protocol = Protocol(name="small", source="", shapes=12, draws=40)
    found = feature_scores(made, real, None, 0.8, protocol, 0)
    assert found["samples"] == 12
    assert found["network_accuracy_on_reference"] == 0.8
    # By hand: the Frechet distance of each draw, and of draws from two halves of the references.
    pairs = [(made[rows], real[columns]) for rows, columns in draws(40, 50, protocol, 0)]
    assert found["frechet"] == pytest.approx(np.mean([frechet(*pair) for pair in pairs]))
    assert "25 and the other 25 of the references" in found["real_against_real"]["sets"]
    assert found["frechet"] > found["real_against_real"]["frechet"] > 0
    whole = feature_scores(made, real, None, 0.8, NONE, 0)
    assert whole["samples"] == 40
    assert found["frechet"] > whole["frechet"], "few samples are farther"


def test_intervals_say_what_they_are_of():
    distances, selection = compared(ellipsoids(12, 0), ellipsoids(10, 1))
    _, intervals = distance_scores(distances, "cd", selection, NONE, 0)
    assert {name: found["interval_of"] for name, found in intervals.items()} == {
        "mmd_cd": "the mean, given the generated shapes",
        "cov_cd": "the mean, given the generated shapes",
        "nna_cd": "the mean, given each shape's neighbour",
    }
    drawing = Protocol(name="small", source="", shapes=8, draws=20)
    _, intervals = distance_scores(distances, "cd", selection, drawing, 0)
    assert {found["interval_of"] for found in intervals.values()} == {"single draws, not their mean"}
