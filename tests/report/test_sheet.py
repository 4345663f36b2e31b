"""The contact sheet and the empty tile."""

import io

import numpy as np
import pytest
from PIL import Image

from hdray.report.sheet import contact_sheet, empty_tile, webp


def tile(color: tuple[int, int, int]) -> np.ndarray:
    return np.broadcast_to(np.array([*color, 255], np.uint8), (40, 40, 4)).copy()


def test_pictures_stand_in_rows_in_order() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
    content = contact_sheet([tile(c) for c in colours], list("abcde"), columns=2)
    sheet = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    places = {c: np.argwhere((sheet == c).all(axis=-1)) for c in colours}
    assert [len(p) for p in places.values()] == [1600] * 5
    rows_and_columns = [tuple(places[c].min(axis=0)) for c in colours]
    rows, columns = sorted({r for r, _ in rows_and_columns}), sorted({c for _, c in rows_and_columns})
    assert [(rows.index(r), columns.index(c)) for r, c in rows_and_columns] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    assert (sheet[0, 0] == 255).all()


def test_long_labels_stay_under_their_picture() -> None:
    def inked(label: str) -> np.ndarray:
        sheet = np.asarray(Image.open(io.BytesIO(contact_sheet([tile((255, 255, 255))], [label]))).convert("L"))
        return np.flatnonzero((sheet < 200).any(axis=0))

    long = inked("a-very-long-name-of-a-shape-that-does-not-fit.obj")
    assert len(inked("a")) > 0
    assert long.min() >= 12
    assert long.max() < 12 + 40


def test_labels_and_pictures_must_agree() -> None:
    with pytest.raises(ValueError, match="as many labels"):
        contact_sheet([tile((0, 0, 0))], [])


def test_the_empty_tile_says_so_and_is_transparent() -> None:
    picture = empty_tile(96)
    assert picture.shape == (96, 96, 4)
    assert picture[0, 0, 3] == 0
    assert (picture[36:60, 20:76, 3] > 128).any(), "no word in the middle"
    assert not np.array_equal(picture, empty_tile(96, text="other"))


def test_webp_keeps_transparency() -> None:
    image = np.asarray(Image.open(io.BytesIO(webp(empty_tile(64)))))
    assert image.shape == (64, 64, 4)
    assert image[0, 0, 3] == 0
