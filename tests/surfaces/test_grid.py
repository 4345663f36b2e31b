import torch

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.surfaces.grid import axis, dense_volume, grid_evaluator
from tests.surfaces.shapes import NO_WEIGHTS, analytic

CPU = torch.device("cpu")


def test_axis_ends_on_the_box():
    for resolution in (1, 8, 100, 243, 256):
        points = axis(resolution, CPU)
        assert len(points) == resolution + 1
        assert (points[0].item(), points[-1].item()) == (-0.5, 0.5)
        torch.testing.assert_close(points.diff(), torch.full((resolution,), 1 / resolution), atol=1e-7, rtol=0)


def test_dense_volume_has_every_point_in_its_place():
    field = analytic(lambda coords: coords @ torch.tensor([100.0, 10.0, 1.0]))
    volume = dense_volume(grid_evaluator(field, NO_WEIGHTS, 10, CPU, "fp32"), 10, CPU)
    x = torch.linspace(-0.5, 0.5, 11)
    torch.testing.assert_close(volume, 100 * x[:, None, None] + 10 * x[:, None] + x, atol=1e-4, rtol=0)


def test_a_value_depends_on_its_point_alone():
    field = MLPField(MLPSettings())
    theta = field.initialise(torch.Generator().manual_seed(0))
    evaluate = grid_evaluator(field, theta, 100, CPU, "fp32")
    stream = torch.Generator().manual_seed(1)
    indices = torch.randint(0, 101, (20_000, 3), generator=stream)
    values = evaluate(indices)
    order = torch.randperm(len(indices), generator=stream)
    assert torch.equal(evaluate(indices[order]), values[order])
    for count in (1, 7, 1_000, 8_193):
        assert torch.equal(evaluate(indices[:count]), values[:count])
    reference = field(theta[None], (indices.double() / 100 - 0.5).float()[None])[0, :, 0]
    torch.testing.assert_close(values, reference, atol=1e-5, rtol=1e-5)


def test_no_points():
    evaluate = grid_evaluator(analytic(lambda coords: coords[..., 0]), NO_WEIGHTS, 4, CPU, "fp32")
    assert evaluate(torch.zeros(0, 3, dtype=torch.int64)).shape == (0,)
