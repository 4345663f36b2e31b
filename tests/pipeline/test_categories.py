"""What vectors know of categories, as an evaluation measures it."""

import math

import numpy as np
import pytest

from hdray.metrics.names import OF_CATEGORIES
from hdray.pipeline import categories
from hdray.pipeline.categories import categories_told, labelled_vectors
from hdray.pipeline.instances import Fitted


def fitted(vectors: np.ndarray) -> Fitted:
    """Shapes with these vectors (N, D), in no order of their ids."""
    ids = [f"i{number:03d}" for number in range(len(vectors))][::-1]
    return Fitted(ids, [f"{one}.obj" for one in ids], vectors[::-1], np.zeros((len(vectors), 2, 3), np.uint16))


def two_kinds(count: int) -> tuple[dict[str, str], np.ndarray]:
    """The categories, by turns, of so many ids, and vectors (N, 8) of two kinds far apart."""
    names = ["bed" if number % 2 else "lamp" for number in range(count)]
    centres = np.array([[5.0 if name == "bed" else -5.0] * 8 for name in names])
    vectors = (centres + np.random.default_rng(0).normal(size=centres.shape)).astype(np.float32)
    return {f"i{number:03d}": name for number, name in enumerate(names)}, vectors


def test_categories_far_apart_are_told_apart_and_equal_ones_are_not() -> None:
    names, vectors = two_kinds(40)
    found = categories_told([fitted(vectors)], names, 0)
    assert found.metrics == dict.fromkeys(OF_CATEGORIES, 1.0) and not found.warnings
    assert found.measured["vectors"] == 40 and found.measured["of each"] == {"lamp": 20, "bed": 20}
    assert found.measured["most frequent category"]["mean"] == 0.5
    alike = np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    chance = categories_told([fitted(alike)], names, 0)
    assert abs(chance.metrics["categories_ari"]) < 0.2
    assert all(0.2 < chance.metrics[name] < 0.8 for name in ("categories_nearest", "categories_logistic"))


def test_splits_are_taken_together() -> None:
    names, vectors = two_kinds(40)
    whole = fitted(vectors)
    parts = [whole.at(range(0, 40, 3)), whole.at([row for row in range(40) if row % 3])]
    assert categories_told(parts, names, 0) == categories_told([whole], names, 0)


def test_shapes_without_any_categories_are_no_one_s_mistake() -> None:
    found = labelled_vectors([fitted(two_kinds(12)[1])], {})
    assert (list(found.categories), found.theta.shape[0], found.different, found.left_out) == ([], 0, False, [])


def test_only_the_first_by_id_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those after them have the other category's vectors, which would show."""
    names, vectors = two_kinds(60)
    vectors[20:] *= -1
    monkeypatch.setattr(categories, "MOST_VECTORS", 20)
    found = categories_told([fitted(vectors)], names, 0)
    assert found.metrics == dict.fromkeys(OF_CATEGORIES, 1.0) and found.measured["vectors"] == 20
    assert found.warnings == ["left out where categories are told apart: 40 shapes beyond the first 20"]


def test_what_has_no_category_or_is_rare_is_left_out_and_told_of() -> None:
    names, vectors = two_kinds(46)
    names |= {"i040": "", "i041": "chair", "i042": "chair"}
    del names["i043"]
    found = categories_told([fitted(vectors)], names, 0)
    assert found.measured["of each"] == {"lamp": 21, "bed": 21} and found.metrics["categories_ari"] == 1
    assert found.warnings == [
        "left out where categories are told apart: 2 shapes without a category; categories of fewer than 5 of the shapes "
        "looked at (chair)"
    ]


def test_one_category_or_none_has_no_numbers() -> None:
    names, vectors = two_kinds(40)
    for category in ("bed", ""):
        found = categories_told([fitted(vectors)], dict.fromkeys(names, category), 0)
        assert set(found.metrics) == set(OF_CATEGORIES) and all(math.isnan(one) for one in found.metrics.values())
        assert not found.measured and not found.warnings
    few = categories_told([fitted(vectors)], {one: "bed" if one > "i001" else "lamp" for one in names}, 0)
    assert math.isnan(few.metrics["categories_ari"]) and few.warnings
