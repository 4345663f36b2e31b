"""Cleaning: non-finite vertices, doubled vertices, degenerate and duplicate faces."""

import numpy as np
import pytest

from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh
from hdray.signals.rejection import Rejected
from tests.signals.solids import box

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])


def test_a_good_mesh_keeps_its_faces() -> None:
    mesh = box((0, 0, 0), (1, 2, 3))
    cleaned, done = clean(mesh)
    assert done == []
    assert len(cleaned.faces) == 12 and len(cleaned.vertices) == 8
    assert np.allclose(np.sort(cleaned.corners.reshape(-1)), np.sort(mesh.corners.reshape(-1)))


def test_vertices_of_the_same_place_become_one() -> None:
    mesh = box((0, 0, 0), (1, 2, 3))
    soup = Mesh(mesh.corners.reshape(-1, 3), np.arange(36).reshape(12, 3))
    cleaned, _ = clean(soup)
    assert len(cleaned.vertices) == 8
    assert np.allclose(cleaned.corners, mesh.corners)


def test_faces_at_non_finite_vertices_go() -> None:
    vertices = np.concatenate([SQUARE, [[np.nan, 0, 0], [np.inf, 0, 0]]])
    cleaned, done = clean(Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3], [0, 1, 4], [1, 2, 5]])))
    assert done == ["non-finite vertices dropped"]
    assert len(cleaned.faces) == 2 and len(cleaned.vertices) == 4


def test_degenerate_and_duplicate_faces_go() -> None:
    vertices = np.concatenate([SQUARE, [[0.5, 0, 0]]])
    faces = np.array([[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 0, 1], [0, 4, 1], [0, 2, 3]])
    cleaned, done = clean(Mesh(vertices, faces))
    assert done == ["degenerate faces dropped", "duplicate faces dropped"]
    assert len(cleaned.faces) == 2


@pytest.mark.parametrize(
    ("vertices", "faces", "reason"),
    [
        (np.full((3, 3), np.nan), [[0, 1, 2]], "not a finite number"),
        (np.ones((3, 3)), [[0, 1, 2]], "one point"),
        (np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), [[0, 1, 2]], "degenerate"),
        (np.array([[0.0, 0, 0], [1e308, 0, 0], [-1e308, 1, 0]]), [[0, 1, 2]], "farther apart"),
    ],
)
def test_nothing_left_is_rejected_with_a_reason(vertices: np.ndarray, faces: list[list[int]], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        clean(Mesh(vertices, np.array(faces)))
