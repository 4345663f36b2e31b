import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.signals.mesh import Mesh
from hdray.surfaces.polygonise import EmptySurface, polygonise
from tests.surfaces.shapes import is_closed, volume_of


def mesh_of(volume: torch.Tensor, level: float = 0.0) -> Mesh:
    mesh = polygonise(volume, level)
    assert isinstance(mesh, Mesh)
    return mesh


def test_a_plane_is_where_it_should_be():
    x = torch.linspace(-0.5, 0.5, 11)
    volume = (0.13 - x)[:, None, None].expand(11, 11, 11)  # inside where x < 0.13
    mesh = mesh_of(volume)
    off_border = mesh.vertices[(np.abs(mesh.vertices) < 0.499).all(axis=1)]
    np.testing.assert_allclose(off_border[:, 0], 0.13, atol=1e-6)
    assert is_closed(mesh)
    np.testing.assert_allclose(volume_of(mesh), 0.63, atol=1e-6)


def test_a_full_box_is_the_box():
    mesh = mesh_of(torch.ones(6, 6, 6))
    assert is_closed(mesh)
    np.testing.assert_array_equal(mesh.vertices.min(axis=0), [-0.5] * 3)
    np.testing.assert_array_equal(mesh.vertices.max(axis=0), [0.5] * 3)
    assert volume_of(mesh) == pytest.approx(1.0)
    assert mesh.areas.sum() == pytest.approx(6.0)
    assert (mesh.areas > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(0, 100_000), st.floats(-1, 1))
def test_any_volume_gives_a_closed_mesh(size: int, seed: int, level: float):
    volume = torch.randn(size, size, size, generator=torch.Generator().manual_seed(seed))
    result = polygonise(volume, level)
    if isinstance(result, EmptySurface):
        assert not (volume > level).any()
        return
    assert np.isfinite(result.vertices).all()
    assert np.abs(result.vertices).max() <= 0.5
    edges = np.sort(np.concatenate([result.faces[:, [0, 1]], result.faces[:, [1, 2]], result.faces[:, [2, 0]]]), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses % 2 == 0).all()
    assert volume_of(result) > 0


def test_only_the_inside_and_its_surroundings_are_handed_over():
    """The same shape in one corner of the box and in another: the crop moves nothing."""
    volume = -torch.ones(40, 40, 40)
    blob = torch.rand(5, 5, 5, generator=torch.Generator().manual_seed(0)) + 0.1
    meshes = []
    for corner in (4, 30):
        placed = volume.clone()
        placed[corner : corner + 5, corner : corner + 5, corner : corner + 5] = blob
        meshes.append(mesh_of(placed))
    np.testing.assert_array_equal(meshes[0].faces, meshes[1].faces)
    np.testing.assert_allclose(meshes[0].vertices + 26 / 39, meshes[1].vertices, atol=1e-12)


def test_empty_and_broken_volumes_say_so():
    assert polygonise(-torch.ones(4, 4, 4), 0.0) == EmptySurface("the field is below the level at every grid point")
    volume = torch.ones(4, 4, 4)
    volume[1, 2, 3] = torch.nan
    assert polygonise(volume, 0.0) == EmptySurface("the field's values are not all finite numbers")


def test_a_failing_library_is_an_error(monkeypatch: pytest.MonkeyPatch):
    import mcubes

    def fail(volume: np.ndarray, level: float) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(mcubes, "marching_cubes", fail)
    with pytest.raises(RuntimeError, match="out of order"):
        polygonise(torch.ones(4, 4, 4), 0.0)
