import pytest
import torch

from hdray.surfaces import coarse_to_fine
from hdray.surfaces.coarse_to_fine import cells_within_reach, coarse_to_fine_volume, first_stride, refine
from hdray.surfaces.grid import dense_volume, grid_evaluator
from tests.surfaces.shapes import NO_WEIGHTS, analytic, ball

CPU = torch.device("cpu")


def volumes(field, resolution: int, level: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Dense volume, coarse-to-fine volume, and how many points the latter evaluated."""
    evaluate = grid_evaluator(field, NO_WEIGHTS, resolution, CPU, "fp32")
    count = 0

    def counted(indices: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += len(indices)
        return evaluate(indices)

    return dense_volume(evaluate, resolution, CPU), coarse_to_fine_volume(counted, resolution, level, CPU), count


def surface_points(volume: torch.Tensor, level: float) -> torch.Tensor:
    """Grid points of cells with corners on both sides of the level."""
    inside = volume > level
    crossed = torch.zeros_like(inside)
    cells = inside.unfold(0, 2, 1).unfold(1, 2, 1).unfold(2, 2, 1).flatten(3)
    mixed = cells.any(dim=3) & ~cells.all(dim=3)
    size = len(mixed)
    for x in (0, 1):
        for y in (0, 1):
            for z in (0, 1):
                crossed[x : x + size, y : y + size, z : z + size] |= mixed
    return crossed


def test_first_stride():
    assert [first_stride(r) for r in (8, 127, 128, 200, 256, 356, 512)] == [1, 1, 2, 2, 4, 4, 8]


# 100 and 83 are no multiples of the first stride: the last lattice cell is cut by the box.
@pytest.mark.parametrize("resolution", [64, 100, 83])
@pytest.mark.parametrize("level", [0.0, 1.386])
def test_values_around_the_surface_are_the_dense_ones(monkeypatch: pytest.MonkeyPatch, resolution: int, level: float):
    monkeypatch.setattr(coarse_to_fine, "START_CELLS", 16)
    for field in (
        ball((0.1, -0.05, 0.02), 0.3),
        ball((0.4, 0.5, 0.0), 0.31),  # cut by the box
        analytic(lambda c: 3 * torch.sin(11 * c[..., 0]) * torch.sin(9 * c[..., 1]) * torch.cos(13 * c[..., 2])),
    ):
        dense, fine, count = volumes(field, resolution, level)
        assert fine.shape == dense.shape
        assert torch.equal(fine > level, dense > level)
        near = surface_points(dense, level)
        assert near.any()
        assert torch.equal(fine[near], dense[near])
        assert count < dense.numel()


def test_most_points_are_not_evaluated():
    dense, _, count = volumes(ball((0.0, 0.0, 0.0), 0.3), 128)
    assert count < dense.numel() / 4


def test_a_coarse_grid_is_evaluated_whole():
    dense, fine, count = volumes(ball((0.0, 0.0, 0.0), 0.3), 20)
    assert torch.equal(fine, dense)
    assert count == dense.numel()


def test_a_thin_sheet_that_the_lattice_only_feels(monkeypatch: pytest.MonkeyPatch):
    """The sheet (thickness 0.01) lies between lattice points 0.0625 apart; the slopes beside it give it away."""
    monkeypatch.setattr(coarse_to_fine, "START_CELLS", 16)
    dense, fine, _ = volumes(analytic(lambda coords: 0.005 - (coords[..., 0] - 0.031).abs()), 64)
    assert (dense > 0).any()
    assert not (dense[::4] > 0).any()
    assert torch.equal(fine > 0, dense > 0)


def test_cells_within_reach_by_hand(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coarse_to_fine, "REACH", 1.0)
    volume = torch.full((5, 5, 5), -8.0)
    assert not cells_within_reach(volume, 0.0).any()
    volume[2, 2, 2] = -5.0  # difference 3 in the 8 cells around it: the level is 5 away
    assert not cells_within_reach(volume, 0.0).any()
    volume[2, 2, 2] = -4.0  # 4 and 4; a neighbouring cell is 8 away
    active = cells_within_reach(volume, 0.0)
    assert int(active.sum()) == 8
    assert active[1:3, 1:3, 1:3].all()
    volume[2, 2, 2] = 0.5  # 8.5 reaches all neighbours too
    assert cells_within_reach(volume, 0.0).all()


def test_refine_by_hand():
    volume = torch.arange(8.0).reshape(2, 2, 2)
    fine, wanted = refine(volume, torch.ones(1, 1, 1, dtype=torch.bool))
    assert torch.equal(fine[::2, ::2, ::2], volume)
    assert fine[1, 2, 0] == volume[0, 1, 0]
    assert int(wanted.sum()) == 27 - 8
    active = torch.zeros(3, 3, 3, dtype=torch.bool)
    active[0, 1, 2] = True
    _, wanted = refine(torch.zeros(4, 4, 4), active)
    assert int(wanted.sum()) == 27 - 8
    assert wanted[0:3, 2:5, 4:7].sum() == 27 - 8
