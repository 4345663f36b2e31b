"""Labelled points by draws."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.fitting.point_set import PointSet

GENERATOR = np.random.default_rng(0)
POINTS = GENERATOR.integers(2**16, size=(3, 16, 3), dtype=np.uint16)
INSIDE = GENERATOR.integers(2, size=(3, 16), dtype=np.uint8)
LABELS = np.packbits(INSIDE, axis=1, bitorder="little")
PLACES = st.lists(st.integers(0, 15), min_size=1, max_size=9)


@given(st.integers(0, 2), PLACES)
def test_points_of_a_shape_come_with_their_labels(shape: int, places: list[int]) -> None:
    codes, inside = PointSet(list("abc"), POINTS, LABELS).drawn(shape, np.array(places))
    for row, place in enumerate(places):
        assert codes[row].tolist() == POINTS[shape, place].tolist() and inside[row] == INSIDE[shape, place]
    assert (codes.dtype, inside.dtype) == (np.uint16, np.uint8)


def test_of_several_shapes_at_once_and_from_memory_maps(tmp_path: Path) -> None:
    for name, stored in (("points", POINTS), ("labels", LABELS)):
        np.save(tmp_path / f"{name}.npy", stored)
    mapped = PointSet(list("abc"), *(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("points", "labels")))
    shapes, places = np.array([[2], [0]]), np.array([[0, 7, 8], [15, 1, 1]])
    codes, inside = mapped.drawn(shapes, places)
    assert mapped.stored == 16 and codes.shape == (2, 3, 3)
    assert np.array_equal(codes, [POINTS[2, [0, 7, 8]], POINTS[0, [15, 1, 1]]])
    assert np.array_equal(inside, [INSIDE[2, [0, 7, 8]], INSIDE[0, [15, 1, 1]]])


@pytest.mark.parametrize(
    ("ids", "points", "labels"),
    [
        (["a"], POINTS, LABELS),
        ([], POINTS[:0], LABELS[:0]),
        (list("abc"), POINTS, LABELS[:, :1]),
        (list("abc"), POINTS[:, :12], LABELS),
        (list("abc"), POINTS[:, :0], LABELS[:, :0]),
        (list("abc"), POINTS[0], LABELS),
    ],
)
def test_what_does_not_fit_together_is_named(ids: list[str], points: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(
        ValueError, match=rf"^{len(ids)} ids, points .* and labels .* do not fit together; they must be N of"
    ):
        PointSet(ids, points, labels)
