"""Learning rates against torch's own schedulers."""

import math

import pytest
import torch

from hdray.fitting.schedule import Cosine, Plateau
from hdray.fitting.settings import FitSettings

CPU = torch.device("cpu")


def test_cosine_equals_torch() -> None:
    settings = FitSettings(steps=50, learning_rate=3e-3)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([parameter], lr=3e-3)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=50)
    cosine = Cosine(settings, 4, CPU)
    for step in range(50):
        assert cosine.rate(step).shape == (4, 1)
        assert cosine.rate(step)[2].item() == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-5, abs=1e-9)
        optimiser.step()
        reference.step()


def loss_curves(epochs: int) -> torch.Tensor:
    """(epochs, 4): falling, noisy, flat, and rising losses."""
    time = torch.arange(epochs, dtype=torch.float64)
    noise = torch.rand(epochs, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.stack([1 / (1 + time), 0.5 * torch.exp(-time / 30) + 0.05 * noise, 0 * time + 0.3, time + 1], dim=1)


def test_plateau_equals_torch_until_it_stops() -> None:
    settings = FitSettings(
        schedule="plateau", learning_rate=1e-2, plateau_patience=3, minimum_learning_rate=2e-4, stop_patience=60
    )
    curves = loss_curves(200)
    plateau = Plateau(settings, 4, CPU)
    references = []
    for _ in range(4):
        optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-2)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, patience=3, factor=0.8, threshold=0, min_lr=2e-4
        )
        references.append((optimiser, scheduler))
    lowest, since = [math.inf] * 4, [0] * 4
    drops = 0
    for epoch in range(200):
        plateau.end_epoch(curves[epoch])
        for row, (optimiser, scheduler) in enumerate(references):
            if since[row] >= 60:
                assert plateau.rate(0)[row].item() == 0
                continue
            before = optimiser.param_groups[0]["lr"]
            scheduler.step(curves[epoch, row].item())
            drops += optimiser.param_groups[0]["lr"] < before
            improved = curves[epoch, row].item() < lowest[row]
            since[row] = 0 if improved else since[row] + 1
            lowest[row] = min(lowest[row], curves[epoch, row].item())
            if since[row] < 60:
                assert plateau.rate(0)[row].item() == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-6)
    assert drops > 20
    # Falling never stops; flat and rising had their only lowest loss in epoch 1 and stop 60 epochs later.
    assert plateau.running.tolist()[0]
    assert plateau.epochs.tolist()[0] == 200
    assert plateau.epochs.tolist()[2:] == [61, 61]


def test_published_patience() -> None:
    plateau = Plateau(FitSettings(schedule="plateau", learning_rate=1e-2), 1, CPU)
    rates = []
    for _ in range(51):
        plateau.end_epoch(torch.ones(1, dtype=torch.float64))
        rates.append(plateau.rate(0).item())
    # Epoch 1 sets the lowest; ten more are tolerated, the eleventh drops the rate; after 50 the shape stops.
    assert rates[10] == pytest.approx(1e-2)
    assert rates[11] == pytest.approx(8e-3)
    assert rates[49] > 0
    assert rates[50] == 0
