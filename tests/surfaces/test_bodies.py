"""Bodies of a mesh, counted by volume."""

import numpy as np

from hdray.signals.mesh import Mesh, join
from hdray.surfaces.bodies import bodies
from tests.signals.solids import box, flipped, sphere

BIG = box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))


def moved(mesh: Mesh, by: float) -> Mesh:
    return Mesh(mesh.vertices + by, mesh.faces)


def test_pieces_count_by_their_share_of_the_volume() -> None:
    speck, lump = moved(sphere(0.05), 2), moved(sphere(0.3), 2)  # 0.05 % and 10 % of the box
    assert bodies(BIG) == 1
    assert bodies(join([BIG, speck])) == 1
    assert bodies(join([BIG, lump])) == 2
    assert bodies(join([BIG, speck]), least_share=1e-5) == 2


def test_a_cavity_is_no_body() -> None:
    assert bodies(join([BIG, flipped(sphere(0.4))])) == 1


def test_nothing_has_no_bodies() -> None:
    assert bodies(Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))) == 0
