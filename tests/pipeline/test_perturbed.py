"""What lies between two fits: here between balls, whose averages are balls."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.generators.settings import GeneratorSettings
from hdray.metrics.weight_structure import Barrier
from hdray.pipeline import perturbed
from hdray.pipeline.perturbed import barriers, likeness
from tests.pipeline.balls import POINTS, ball, config

NOTHING = -1000.0


def sphere(radius: float) -> Tensor:
    """Points (P, 3) on it."""
    drawn = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(0))
    return radius * drawn / drawn.norm(dim=1, keepdim=True)


def test_a_barrier_is_measured_at_the_middle_and_above_the_ends() -> None:
    """Surfaces r and s apart from each other are 2 (r - s)^2 from each other, but for how points lie on them."""
    first = torch.stack([ball(0.2), ball(0.3), ball(0.3)])
    second = torch.stack([ball(0.4), ball(0.3), torch.full_like(ball(), NOTHING)])
    own = {"far": sphere(0.3), "same": sphere(0.3), "empty": sphere(0.3)}
    (found,) = barriers(first, [second], own, config())
    noise = float(found.height[1])  # of points on one sphere
    assert 0 < noise < 0.002
    assert found.height.tolist() == [pytest.approx(noise, rel=0.2), noise, torch.inf]
    assert float(found.excess[0]) == pytest.approx(noise - 2 * 0.1**2, abs=0.002)
    assert float(found.excess[1]) == pytest.approx(0, abs=1e-4) and bool(found.excess[2].isnan())


def test_fits_from_one_start_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Tensor] = []

    def distances(theta: Tensor, *others: object) -> Tensor:
        looked.append(theta)
        return theta.sum(dim=1).double()

    monkeypatch.setattr(perturbed, "_distances", distances)
    first, second = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[3.0, 2.0], [3.0, 4.0]])
    same, other = barriers(first, [first.clone(), second], {}, config())
    assert [theta.tolist() for theta in looked] == [first.tolist(), ((first + second) / 2).tolist(), second.tolist()]
    assert same.height.tolist() == [3, 7] and same.excess.tolist() == [0, 0]
    assert other.height.tolist() == [4, 7] and other.excess.tolist() == [0, 0]


def test_a_fit_that_diverged_is_left_out_of_the_others_comparison() -> None:
    drawn = torch.randn(2, 6, 40, generator=torch.Generator().manual_seed(0))
    first, second = drawn[0], 0.8 * drawn[0] + 0.6 * drawn[1]
    spoiled = second.clone()
    spoiled[2, 5] = torch.inf
    rest = [0, 1, 3, 4, 5]
    found, alone = likeness(first, spoiled), likeness(first[rest], second[rest])
    assert bool(np.isnan(found.cosine[2])) and bool(np.isnan(found.centred[2]))
    assert found.cosine[rest].tolist() == alone.cosine.tolist() and found.ratio == alone.ratio
    assert found.centred[rest].tolist() == alone.centred.tolist() and np.isfinite(alone.centred).all()


def test_a_single_instance_has_nothing_in_common_with_others() -> None:
    found = likeness(torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]]))
    assert found.cosine.tolist() == [pytest.approx(24 / 25)]
    assert np.isnan(found.centred).all() and np.isnan(found.ratio)


def test_another_seed_of_fits_is_another_pair_of_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(0)
    codes = drawn.integers(0, 2**16, (128, 3), dtype=np.uint16).tobytes()
    sampled = {"points": codes, "surface": codes, "labels": drawn.integers(0, 256, 16, dtype=np.uint8).tobytes()}
    monkeypatch.setattr(perturbed, "as_fitted", lambda rows, found, config: list(found))
    nothing = Barrier(height=torch.zeros(1), excess=torch.zeros(1))
    monkeypatch.setattr(perturbed, "barriers", lambda first, second, own, config: [nothing] * len(second))

    def fits(seed: int) -> perturbed.Agreeing:
        fit = FitSettings(batch_size=1, steps=2, points_per_step=16, seed=seed)
        field, generator = FieldSettings(kind="fourier-mlp", width=8), GeneratorSettings()
        chosen = replace(config(), field=field, generator=generator, fit=fit)
        return perturbed._fit_twice(chosen, [{"id": "one"}], [0.0, 1.0], sampled)

    first, again, other = fits(0), fits(0), fits(1)
    assert np.array_equal(first.second, again.second) and np.array_equal(first.first, first.second[0])
    for which in (0, 1):
        assert np.abs(first.second[which] - other.second[which]).mean() > 0.01
