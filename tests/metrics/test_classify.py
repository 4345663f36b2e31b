import math
from itertools import combinations
from operator import mul
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.errors import UserError
from hdray.metrics.classify import Repeated, _split, nearest_by_cosine, pooled, separation
from hdray.seeds import seed_of, torch_stream

SEED = 3
NAMES = ("chair", "table", "lamp")


def instances(count: int, size: int, apart: float, seed: int = 0) -> tuple[torch.Tensor, list[str]]:
    """Vectors about a centre for each of three categories, `apart` in every entry, and a common mean far from zero."""
    generator = torch_stream(seed, "vectors")
    labels = torch.arange(count) % 3
    centres = apart * torch.randn(3, size, generator=generator)
    return 2 + centres[labels] + torch.randn(count, size, generator=generator), [NAMES[label] for label in labels]


def splits(labels: np.ndarray, runs: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [_split(labels, seed_of(SEED, "separation", run) % 2**32) for run in range(runs)]


def scores(found: Any) -> dict[str, tuple[float, ...]]:
    return {way: getattr(found, way).values for way in ("clustering", "nearest", "logistic", "majority", "pooled")}


def test_nearest_neighbours_one_at_a_time():
    theta, categories = instances(45, 60, 0.25)
    labels = np.array([NAMES.index(category) for category in categories])
    found = separation(theta, categories, seed=SEED, runs=3)
    accuracies, confusion = [], np.zeros((3, 3), int)
    rows = theta.double().tolist()
    for train, test in splits(labels, 3):
        for one in test:
            cosines = [sum(map(mul, rows[one], rows[other])) / math.hypot(*rows[other]) for other in train]
            confusion[labels[one], labels[train[cosines.index(max(cosines))]]] += 1
        accuracies.append((np.trace(confusion) - 9 * sum(accuracies)) / 9)
    assert found.nearest.values == pytest.approx(accuracies)
    assert found.nearest_confusion.tolist() == confusion.tolist()
    assert 0.4 < found.nearest.mean < 1, "some are right and some are wrong, or this test says little"
    assert (found.categories, found.vectors, found.tested) == (NAMES, 45, 9)


def test_logistic_regression_is_that_of_all_entries():
    """The rotation changes nothing: scikit-learn on the 400 standardised entries gives the same answers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    theta, categories = instances(60, 400, 0.12)
    theta[:, :50] *= 100  # spreads of the entries differ
    theta[:, 7] = 1.5
    labels = np.array([NAMES.index(category) for category in categories])
    found = separation(theta, categories, seed=SEED, runs=4)
    features = StandardScaler().fit_transform(theta.double().numpy())
    accuracies = []
    for train, test in splits(labels, 4):
        fitted = LogisticRegression(max_iter=2_000).fit(features[train], labels[train])
        accuracies.append(fitted.score(features[test], labels[test]))
    assert found.logistic.values == pytest.approx(accuracies)
    assert 0.4 < found.logistic.mean < 1


def test_clusters_are_scored_by_the_adjusted_rand_index():
    """Two clusters that cannot be missed, against categories that cross them; the index by counting pairs."""
    cluster = [0] * 15 + [1] * 15
    categories = ["a"] * 12 + ["b"] * 3 + ["a"] * 4 + ["b"] * 11
    theta = torch.randn(30, 50, generator=torch_stream(0)) + 100 * torch.tensor(cluster)[:, None]
    pairs = list(combinations(range(30), 2))
    same_cluster = sum(cluster[i] == cluster[j] for i, j in pairs)
    same_category = sum(categories[i] == categories[j] for i, j in pairs)
    both = sum(cluster[i] == cluster[j] and categories[i] == categories[j] for i, j in pairs)
    chance = same_cluster * same_category / len(pairs)
    expected = (both - chance) / ((same_cluster + same_category) / 2 - chance)
    found = separation(theta, categories, seed=0, runs=2)
    assert found.clustering.values == pytest.approx([expected] * 2)


def test_baselines():
    categories = ["big"] * 60 + ["small"] * 40
    theta = torch.randn(100, 300, generator=torch_stream(1))
    scaled, turned = theta.clone(), theta.clone()
    scaled[60:] *= 0.5
    found = separation(scaled, categories, seed=0, runs=4)
    assert found.majority.values == (0.6,) * 4  # the splits keep the proportions
    assert found.pooled.mean > 0.95
    # The same shift in other places: pooled statistics cannot see it.
    turned[:60, :20] += 3
    turned[60:, -20:] += 3
    found = separation(turned, categories, seed=0, runs=4)
    assert found.logistic.mean == 1
    assert found.pooled.mean < 0.8


def test_vectors_without_categories_give_chance():
    theta = torch.randn(150, 40, generator=torch_stream(2))
    found = separation(theta, [NAMES[one % 3] for one in range(150)], seed=0, runs=5)
    assert abs(found.clustering.mean) < 0.05
    for way in (found.nearest, found.logistic, found.pooled, found.majority):
        assert abs(way.mean - 1 / 3) < 0.12


def test_pooled_statistics():
    assert pooled(torch.tensor([[1.0, -3.0, 2.0, 4.0]])).tolist() == [[1.0, pytest.approx(6.5**0.5), 2.5, -3.0, 4.0]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_neighbours_do_not_see_lengths_or_the_order_of_entries(seed: int):
    generator = torch_stream(seed)
    theta = 1 + torch.randn(30, 45, generator=generator, dtype=torch.float64)
    lengths = 0.1 + 10 * torch.rand(30, 1, generator=generator, dtype=torch.float64)
    changed = (theta * lengths)[:, torch.randperm(45, generator=generator)]
    assert torch.equal(nearest_by_cosine(changed[:10], changed[10:]), nearest_by_cosine(theta[:10], theta[10:]))


@settings(max_examples=4, deadline=None)
@given(st.permutations(["chair", "table", "lamp", "0", ""]))
def test_what_categories_are_called_changes_nothing(names: list[str]):
    theta, categories = instances(30, 45, 0.3)
    called = dict(zip(NAMES, names, strict=False))
    kept = separation(theta, categories, seed=SEED, runs=2)
    found = separation(theta, [called[category] for category in categories], seed=SEED, runs=2)
    assert scores(found) == scores(kept)
    assert found.categories == tuple(names[:3])


def test_the_seed_draws_the_splits():
    theta, categories = instances(45, 60, 0.25)
    one, again, other = (separation(theta, categories, seed=seed, runs=3) for seed in (0, 0, 1))
    assert scores(one) == scores(again)
    assert scores(one) != scores(other)


def test_mean_and_deviation():
    assert Repeated((1.0, 2.0, 6.0)).mean == 3
    assert Repeated((1.0, 2.0, 6.0)).deviation == pytest.approx(7**0.5)
    assert math.isnan(Repeated((1.0,)).deviation)


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (["a"] * 20, "two of them or more"),
        (["a"] * 19 + ["rare"], "'rare' has a single vector"),
        ([name for name in "abcde" for _ in range(4)], "20 vectors are too few for 5 categories.*25 or more"),
    ],
)
def test_too_little_to_split_is_said(categories: list[str], message: str):
    with pytest.raises(UserError, match=message):
        separation(torch.randn(20, 8, generator=torch_stream(0)), categories, seed=0)


def test_a_category_is_needed_for_each_vector():
    with pytest.raises(ValueError, match="3 vectors need as many categories, not 2"):
        separation(torch.zeros(3, 4), ["a", "b"], seed=0)
