"""Pictures of shapes whose silhouettes are known."""

import numpy as np
import pytest
import trimesh

from hdray.report.render import View, render
from hdray.signals.mesh import Mesh

FRONT = View(azimuth=0, elevation=0, margin=0.05)


def mesh_of(solid: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(solid.vertices, np.float64), np.asarray(solid.faces, np.int64))


SPHERE = mesh_of(trimesh.creation.icosphere(subdivisions=4, radius=0.3))


def covered(picture: np.ndarray) -> float:
    return float(picture[..., 3].astype(np.float64).mean() / 255)


def test_a_sphere_covers_the_area_of_its_disc() -> None:
    # The disc's diameter is the picture's edge less a margin of 5 % on both sides.
    assert covered(render(SPHERE, 128, view=FRONT)) == pytest.approx(np.pi / 4 * 0.9**2, rel=5e-3)


def test_bounds_set_the_scale() -> None:
    # A sphere of radius 0.3 in a unit box that fills the picture's 0.9.
    picture = render(SPHERE, 128, view=FRONT, bounds=[[-0.5] * 3, [0.5] * 3])
    assert covered(picture) == pytest.approx(np.pi * 0.3**2 * 0.9**2, rel=1e-2)


def test_edges_are_smooth() -> None:
    alpha = render(SPHERE, 64, view=FRONT)[..., 3]
    assert {0, 255} < set(np.unique(alpha).tolist())


@pytest.mark.parametrize(
    ("axis", "up", "place"),
    [
        # Where a small box on the positive side of an axis appears, seen from the front: (row, column) in thirds.
        ((1, 0, 0), "y", (1, 2)),
        ((0, 1, 0), "y", (0, 1)),
        ((1, 0, 0), "z", (1, 2)),
        ((0, 0, 1), "z", (0, 1)),
    ],
)
def test_axes_point_where_they_should(axis: tuple[int, int, int], up: str, place: tuple[int, int]) -> None:
    solid = trimesh.creation.box([0.1, 0.1, 0.1])
    solid.apply_translation(0.4 * np.array(axis))
    view = View(azimuth=0, elevation=0, margin=0, up=up)
    alpha = render(mesh_of(solid), 90, view=view, bounds=[[-0.5] * 3, [0.5] * 3])[..., 3] / 255
    thirds = alpha.reshape(3, 30, 3, 30).sum(axis=(1, 3))
    expected = np.zeros((3, 3))
    expected[place] = (0.1 * 90) ** 2
    np.testing.assert_allclose(thirds, expected, atol=3)


@pytest.mark.parametrize(("up", "near"), [("y", (0, 0, 1)), ("z", (0, -1, 0))])
def test_the_front_hides_the_back(up: str, near: tuple[int, int, int]) -> None:
    """A ball in front of a plate is seen from the front, and hidden from behind."""
    turned = trimesh.geometry.align_vectors([0, 0, 1], near)
    plate = trimesh.creation.box([1, 1, 0.02])
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.2)
    ball.apply_translation([0, 0, 0.3])
    scene = trimesh.util.concatenate([plate, ball])
    scene.apply_transform(turned)
    view = View(azimuth=0, elevation=0, up=up)
    from_front = render(mesh_of(scene), 64, view=view)
    from_back = render(mesh_of(scene), 64, view=View(azimuth=180, elevation=0, up=up))
    assert from_back[16:48, 16:48, :3].std(axis=(0, 1)).max() < 1
    assert from_front[16:48, 16:48, :3].std(axis=(0, 1)).max() > 10


def test_light_comes_from_above() -> None:
    picture = render(SPHERE, 64, view=FRONT)[..., :3].astype(int).sum(axis=-1)
    assert picture[12, 32] > picture[52, 32] + 60


def test_inside_out_meshes_look_the_same() -> None:
    flipped = Mesh(SPHERE.vertices, SPHERE.faces[:, ::-1].copy())
    difference = render(SPHERE, 64).astype(int) - render(flipped, 64).astype(int)
    assert np.abs(difference).mean() < 1


def test_sharp_edges_stay_sharp() -> None:
    """A box shows three flat faces: within each the colour is constant but for nearby geometry, and there is none."""
    picture = render(mesh_of(trimesh.creation.box()), 96)
    opaque = picture[picture[..., 3] == 255][:, :3]
    colours, counts = np.unique(opaque, axis=0, return_counts=True)
    assert counts[np.argsort(counts)[-3:]].sum() > 0.9 * len(opaque), colours


def test_the_same_mesh_gives_the_same_bytes() -> None:
    assert render(SPHERE, 48).tobytes() == render(SPHERE, 48).tobytes()


def test_a_background_leaves_nothing_transparent() -> None:
    picture = render(SPHERE, 48, background=(10, 200, 30))
    assert (picture[..., 3] == 255).all()
    np.testing.assert_array_equal(picture[0, 0], [10, 200, 30, 255])


def test_no_faces_no_picture() -> None:
    with pytest.raises(ValueError, match="without faces"):
        render(Mesh(np.zeros((3, 3)), np.zeros((0, 3), np.int64)))


def test_unknown_up() -> None:
    with pytest.raises(ValueError, match="y or z"):
        render(SPHERE, view=View(up="x"))
