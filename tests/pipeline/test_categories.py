"""What vectors know of categories, as an evaluation measures it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hdray.metrics.names import OF_CATEGORIES
from hdray.pipeline import categories
from hdray.pipeline.categories import categories_told
from hdray.pipeline.instances import instances_schema, instances_table
from hdray.pipeline.run_directory import RunDirectory
from tests.pipeline.tables import write_rows

SPLITS = ("train", "validation", "test")


def run_of(folder: Path, names: list[str], vectors: np.ndarray) -> RunDirectory:
    """A run whose fitted shapes, in all splits, are of these categories and have these vectors (N, D)."""
    run = RunDirectory(str(folder))
    rows = [
        {
            "id": f"i{number:03d}", "source": f"{number}.obj", "split": SPLITS[number % 3], "status": "accepted",
            "category": name, "near_iou": 0.0, "theta": vectors[number], "surface": np.zeros(6, np.uint16),
        }
        for number, name in enumerate(names)
    ]  # fmt: skip
    # Ids come in no order in the table.
    write_rows(instances_table(run), "new", pa.Table.from_pylist(rows[::-1], schema=instances_schema()))
    return run


def two_kinds(count: int) -> tuple[list[str], np.ndarray]:
    """So many vectors (N, 8) of two kinds by turns, far apart."""
    names = ["bed" if number % 2 else "lamp" for number in range(count)]
    centres = np.array([[5.0 if name == "bed" else -5.0] * 8 for name in names])
    return names, (centres + np.random.default_rng(0).normal(size=centres.shape)).astype(np.float32)


def test_categories_far_apart_are_told_apart_and_equal_ones_are_not(tmp_path: Path) -> None:
    names, vectors = two_kinds(40)
    assert categories_told(run_of(tmp_path / "apart", names, vectors), 0) == (dict.fromkeys(OF_CATEGORIES, 1.0), [])
    alike = np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    found, warnings = categories_told(run_of(tmp_path / "alike", names, alike), 0)
    assert abs(found["categories_ari"]) < 0.2 and not warnings
    assert all(0.2 < found[name] < 0.8 for name in ("categories_nearest", "categories_logistic"))


def test_only_the_first_by_id_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those after them have the other category's vectors, which would show."""
    names, vectors = two_kinds(60)
    vectors[20:] *= -1
    monkeypatch.setattr(categories, "MOST_VECTORS", 20)
    assert categories_told(run_of(tmp_path, names, vectors), 0)[0] == dict.fromkeys(OF_CATEGORIES, 1.0)


def test_what_cannot_be_told_apart_has_no_metrics(tmp_path: Path) -> None:
    _, vectors = two_kinds(40)
    assert categories_told(run_of(tmp_path / "one", ["bed"] * 40, vectors), 0) == ({}, [])
    found, warnings = categories_told(run_of(tmp_path / "single", ["bed"] * 39 + ["lamp"], vectors), 0)
    assert not found and warnings == [
        "categories were not told apart: category 'lamp' has a single vector; to be learned and tested it needs two or more"
    ]
