import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.signals.fingerprint import ALIKE, SAME, distance, fingerprint, read_geometry
from hdray.signals.mesh import Mesh, join
from hdray.signals.settings import OccupancySettings
from tests.signals.animations import anime, growing_ball
from tests.signals.solids import box, sphere

STILL = OccupancySettings()


def ply(mesh: Mesh) -> bytes:
    return bytes(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(file_type="ply", encoding="ascii"))


def compared(one: Mesh, other: Mesh) -> tuple[float, float]:
    """The largest difference of fingerprints, and the distance."""
    a, b = (read_geometry(ply(mesh), ".ply", STILL) for mesh in (one, other))
    return float(np.abs(fingerprint(a) - fingerprint(b)).max()), distance(a, b)


def test_the_numbers_of_a_box_are_its_integrals() -> None:
    """Of the surface of [-a, a] x [-b, b] x [-c, c]: mean x^2 = (2 a^2 bc + 2/3 a^3 (b + c)) / (2 (ab + bc + ca))."""
    a, b, c = 0.5, 0.25, 0.1
    found = fingerprint(read_geometry(ply(box((1, 2, 3), (2, 2.5, 3.2))), ".ply", STILL))
    assert found.shape == (22,)
    assert found[:3] == pytest.approx([1, 0.5, 0.2], abs=1e-6)
    # Exponents are in order of z, then y, then x: z, zz, zzz, y, ...
    square = (2 * a**2 * b * c + 2 / 3 * a**3 * (b + c)) / (2 * (a * b + b * c + c * a))
    places = [(x, y, z) for x in range(4) for y in range(4) for z in range(4) if 1 <= x + y + z <= 3]
    assert found[3 + places.index((2, 0, 0))] == pytest.approx(square, rel=1e-5)
    odd = [3 + row for row, exponents in enumerate(places) if any(exponent % 2 for exponent in exponents)]
    assert np.abs(found[odd]).max() < 1e-6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1000), st.floats(-50, 50))
def test_order_place_size_and_noise_do_not_matter(seed: int, scale: float, shift: float) -> None:
    stream = np.random.default_rng(seed)
    mesh = join([sphere(0.5, 2), box((0.3, -0.2, 0.1), tuple(stream.uniform(0.4, 1.5, 3)))])
    order = stream.permutation(len(mesh.vertices))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    faces = stream.permutation(place[mesh.faces])
    faces = np.stack(
        [np.roll(face, turn) for face, turn in zip(faces, stream.integers(3, size=len(faces)), strict=True)]
    )
    noise = stream.uniform(-1e-4, 1e-4, mesh.vertices.shape) * mesh.longest_edge
    numbers, apart = compared(mesh, Mesh(scale * ((mesh.vertices + noise)[order] + shift), faces))
    assert numbers < ALIKE / 2
    assert apart < SAME


def test_a_surface_cut_into_other_faces_is_the_same() -> None:
    coarse = trimesh.creation.box((1.0, 0.6, 0.4))
    fine = coarse.subdivide().subdivide()
    numbers, apart = compared(*(Mesh(np.array(mesh.vertices), np.array(mesh.faces)) for mesh in (coarse, fine)))
    assert numbers < 1e-5
    assert apart < 1e-6


def test_other_shapes_are_told_apart() -> None:
    whole = box((0, 0, 0), (1, 0.6, 0.4))
    lid = Mesh(whole.vertices, whole.faces[1:])  # every vertex is still on the other
    numbers, apart = compared(whole, lid)
    assert numbers > ALIKE
    assert apart > 0.1
    stretched = box((0, 0, 0), (1, 0.6, 0.402))
    numbers, apart = compared(whole, stretched)
    assert numbers < ALIKE, "the numbers alone would not tell them apart"
    assert apart == pytest.approx(0.001, abs=1e-6)
    chiral = join([whole, box((0.9, 0.5, 0.4), (1, 0.6, 0.9))])
    assert compared(chiral, Mesh(chiral.vertices * [-1, 1, 1], chiral.faces[:, ::-1]))[1] > 0.1


@pytest.mark.parametrize("normalisation", ["box", "mean"])
def test_animations_are_compared_frame_by_frame(normalisation: str) -> None:
    chosen = OccupancySettings(frames=5, normalisation=normalisation)
    ball, faster = growing_ball(), growing_ball(step=0.2)
    one, other = (read_geometry(anime(animation), ".anime", chosen) for animation in (ball, faster))
    assert len(fingerprint(one)) == 5 * 22
    assert distance(one, one) < 1e-9
    assert distance(one, other) > 0.01
    assert np.abs(fingerprint(one) - fingerprint(other)).max() > ALIKE


def test_walking_in_place_is_walking_where_frames_are_centred() -> None:
    ball = growing_ball(step=0.0)
    walking = type(ball)(ball.vertices + np.linspace(0, 1, 5)[:, None, None], ball.faces)
    apart = {}
    for mode in ("box", "mean"):
        chosen = OccupancySettings(frames=5, normalisation=mode)
        apart[mode] = distance(*(read_geometry(anime(one), ".anime", chosen) for one in (ball, walking)))
    assert apart["mean"] < 1e-6 < 0.1 < apart["box"]
