import math

import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.fields.mlp import MLPField
from hdray.signals.mesh import Mesh
from hdray.surfaces import coarse_to_fine
from hdray.surfaces.extract import extract, logit_of
from hdray.surfaces.polygonise import EmptySurface
from tests.surfaces.shapes import NO_WEIGHTS, analytic, ball, fitted_fields, is_closed, volume_of

METHODS = ("coarse-to-fine", "dense")


def mesh_of(field, theta: torch.Tensor = NO_WEIGHTS, **arguments) -> Mesh:
    mesh = extract(field, theta, **arguments)
    assert isinstance(mesh, Mesh)
    return mesh


@pytest.mark.parametrize(("method", "resolution"), [("coarse-to-fine", 128), ("dense", 77)])
def test_a_sphere_is_recovered_to_a_fraction_of_a_cell(method: str, resolution: int):
    """Half a cell of shift, the mistake of many a grid, would be 50 times the tolerance."""
    centre, radius = (0.06, -0.11, 0.03), 0.3
    mesh = mesh_of(ball(centre, radius), resolution=resolution, method=method)
    cell = 1 / resolution
    distances = np.linalg.norm(mesh.vertices - centre, axis=1)
    np.testing.assert_allclose(distances, radius, atol=0.01 * cell)
    np.testing.assert_allclose((mesh.vertices.max(axis=0) + mesh.vertices.min(axis=0)) / 2, centre, atol=0.05 * cell)
    assert is_closed(mesh)
    assert volume_of(mesh) == pytest.approx(4 / 3 * math.pi * radius**3, rel=2e-3)


def test_level_is_a_probability():
    # logit 10 (0.3 - r) = log 4 where the probability is 0.8
    mesh = mesh_of(ball((0, 0, 0), 0.3), resolution=64, level=0.8)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.3 - math.log(4) / 10, atol=2e-4)
    assert logit_of(0.5) == 0
    assert logit_of(0.8) == pytest.approx(1.3862944)


@pytest.mark.parametrize("method", METHODS)
def test_a_solid_that_leaves_the_box_is_closed_there(method: str):
    mesh = mesh_of(ball((0.5, 0.5, 0.1), 0.4), resolution=40, method=method)
    assert is_closed(mesh)
    assert mesh.vertices.max() == 0.5
    # A quarter of the ball: the box cuts it through the centre in x and in y.
    assert volume_of(mesh) == pytest.approx(math.pi / 3 * 0.4**3, rel=0.01)


@pytest.fixture(scope="module")
def fitted() -> tuple[MLPField, torch.Tensor]:
    return fitted_fields()


@pytest.mark.parametrize("level", [0.5, 0.8])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_coarse_to_fine_gives_the_dense_mesh_of_fitted_fields(
    monkeypatch: pytest.MonkeyPatch, fitted: tuple[MLPField, torch.Tensor], level: float, noise: float
):
    """Thin legs and wings; with noise on the weights the wings are full of holes. Two refinements, as at 256^3."""
    monkeypatch.setattr(coarse_to_fine, "START_CELLS", 20)
    field, thetas = fitted
    for theta in thetas + noise * torch.randn(thetas.shape, generator=torch.Generator().manual_seed(0)):
        coarse, dense = (mesh_of(field, theta, resolution=80, level=level, method=method) for method in METHODS)
        assert len(dense.faces) > 3_000
        np.testing.assert_array_equal(coarse.vertices, dense.vertices)
        np.testing.assert_array_equal(coarse.faces, dense.faces)


def test_fields_without_a_surface_say_why(fitted: tuple[MLPField, torch.Tensor]):
    for method in METHODS:
        nothing = extract(analytic(lambda coords: -1 - coords[..., 0] ** 2), NO_WEIGHTS, resolution=16, method=method)
        assert nothing == EmptySurface("the field is below the level at every grid point")
    field, thetas = fitted
    broken = thetas[0].clone()
    broken[5] = math.nan
    assert extract(field, broken) == EmptySurface("the vector holds numbers that are not finite")
    overflowing = extract(field, thetas[0] * 1e20, resolution=16)
    assert overflowing == EmptySurface("the field's values are not all finite numbers")


def test_mistakes():
    with pytest.raises(UserError, match="between 1 and 890"):
        extract(ball((0, 0, 0), 0.3), NO_WEIGHTS, resolution=1000)
    with pytest.raises(UserError, match="coarse-to-fine or dense"):
        extract(ball((0, 0, 0), 0.3), NO_WEIGHTS, method="sparse")


def test_a_failing_field_is_an_error():
    def fail(theta: torch.Tensor, coords: torch.Tensor, precision: str) -> torch.Tensor:
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        extract(fail, NO_WEIGHTS)


@pytest.mark.gpu
def test_on_a_gpu(fitted: tuple[MLPField, torch.Tensor]):
    field, thetas = fitted
    coarse, dense = (mesh_of(field, thetas[1], resolution=160, method=method, device="cuda") for method in METHODS)
    np.testing.assert_array_equal(coarse.vertices, dense.vertices)
    np.testing.assert_array_equal(coarse.faces, dense.faces)
