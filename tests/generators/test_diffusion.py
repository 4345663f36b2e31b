"""Gaussian diffusion against closed forms: distributions for which the best denoiser is known."""

import math

import pytest
import torch
from torch import Tensor

from hdray.generators.diffusion import Denoise, GaussianDiffusion
from hdray.generators.settings import GeneratorSettings

SETTINGS = GeneratorSettings()


def schedule() -> tuple[list[float], list[float]]:
    """betas and alpha-bars by plain arithmetic."""
    betas = [1e-4 + (2e-2 - 1e-4) * step / 499 for step in range(500)]
    bars, product = [], 1.0
    for beta in betas:
        product *= 1 - beta
        bars.append(product)
    return betas, bars


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_schedule_ends_where_the_published_one_does() -> None:
    _, bars = schedule()
    assert math.isclose(float(GaussianDiffusion(SETTINGS).signal[-1]), bars[-1], rel_tol=1e-9)
    assert math.isclose(bars[-1], 0.00635, rel_tol=1e-2)


def test_the_cosine_schedule_is_its_formula() -> None:
    """The signal left after step t, where no variance is cut off; the last variances are cut at 0.999."""
    diffusion = GaussianDiffusion(GeneratorSettings(timesteps=1_000, noise_schedule="cosine"))

    def left(share: float) -> float:
        return math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    for time in (0, 1, 250, 500, 998):
        assert math.isclose(float(diffusion.signal[time]), left((time + 1) / 1_000) / left(0), rel_tol=1e-9)
    # Known values of the first and the middle variance: 1 - left(0.001) / left(0), and so on.
    assert math.isclose(float(diffusion.betas[0]), 4.128422482196e-05, rel_tol=1e-6)
    assert float(diffusion.betas[-1]) == 0.999 and float(diffusion.betas.diff().min()) > 0
    assert 0 < float(diffusion.signal[-1]) < 1e-8


@pytest.mark.parametrize("steps", [50, 1_000])
def test_ddim_of_a_point_mass_ends_at_the_point_under_the_cosine_schedule(steps: int) -> None:
    diffusion = GaussianDiffusion(GeneratorSettings(timesteps=1_000, noise_schedule="cosine"))
    *_, (sample, _) = diffusion.ddim(lambda noisy, time: torch.full_like(noisy, 1.5), normal(5, 7).double(), steps)
    torch.testing.assert_close(sample, torch.full_like(sample, 1.5))


@pytest.mark.parametrize("time", [0, 100, 499])
def test_noised_vectors_have_the_moments_of_q(time: int) -> None:
    _, bars = schedule()
    clean = torch.full((200_000, 1), 3.0)
    noised = GaussianDiffusion(SETTINGS).noised(clean, torch.full((200_000,), time), normal(200_000, 1))
    assert math.isclose(float(noised.mean()), 3.0 * bars[time] ** 0.5, abs_tol=0.01)
    assert math.isclose(float(noised.var()), 1 - bars[time], rel_tol=0.02, abs_tol=1e-5)


@pytest.mark.parametrize("predict", ["x0", "noise"])
def test_the_loss_of_a_perfect_prediction_is_zero_and_of_none_is_the_target_s_power(predict: str) -> None:
    diffusion = GaussianDiffusion(GeneratorSettings(predict=predict))
    clean, noise, timestep = normal(4, 10) * 2, normal(4, 10, seed=1), torch.tensor([0, 9, 200, 499])
    target = clean if predict == "x0" else noise
    assert float(diffusion.loss(lambda noisy, time: target, clean, timestep, noise)) == 0
    nothing = diffusion.loss(lambda noisy, time: torch.zeros_like(noisy), clean, timestep, noise)
    torch.testing.assert_close(nothing, target.square().mean())


def optimal(predict: str, mean: float, deviation: float) -> Denoise:
    """The best possible network for independent entries from N(mean, deviation^2)."""
    _, bars = schedule()
    table = torch.tensor(bars, dtype=torch.float64)

    def denoise(noisy: Tensor, timestep: Tensor) -> Tensor:
        bar = table[timestep].unsqueeze(1)
        gain = bar.sqrt() * deviation**2 / (bar * deviation**2 + 1 - bar)
        clean = mean + gain * (noisy - bar.sqrt() * mean)
        return clean if predict == "x0" else (noisy - bar.sqrt() * clean) / (1 - bar).sqrt()

    return denoise


@pytest.mark.parametrize("predict", ["x0", "noise"])
@pytest.mark.parametrize("steps", [1, 3, 50, 500])
def test_ddim_of_a_point_mass_ends_at_the_point(predict: str, steps: int) -> None:
    diffusion = GaussianDiffusion(GeneratorSettings(predict=predict))
    start = normal(5, 7).double()
    *_, (sample, clean) = diffusion.ddim(optimal(predict, 1.5, 0.0), start, steps)
    torch.testing.assert_close(sample, torch.full_like(sample, 1.5))
    torch.testing.assert_close(clean, sample)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("predict", ["x0", "noise"])
def test_samples_of_a_gaussian_have_its_mean_and_spread(predict: str, sampler: str) -> None:
    diffusion = GaussianDiffusion(GeneratorSettings(predict=predict))
    start, stream = normal(5_000, 1).double(), torch.Generator().manual_seed(2)
    denoise = optimal(predict, 0.5, 2.0)
    if sampler == "ddim":
        steps = diffusion.ddim(denoise, start, 500)
    else:
        steps = diffusion.ddpm(denoise, start, lambda: torch.randn(start.shape, generator=stream, dtype=start.dtype))
    *_, (sample, _) = steps
    # The start is N(0, 1), the noised data N(0.04, 1.02^2): the end is off by a fraction of a per cent.
    assert math.isclose(float(sample.mean()), 0.5, abs_tol=0.1)
    assert math.isclose(float(sample.std()), 2.0, rel_tol=0.04)


@pytest.mark.parametrize("time", [1, 250, 499])
def test_the_posterior_mean_is_bayes_rule(time: int) -> None:
    betas, bars = schedule()
    # x_{t-1} ~ N(sqrt(bar') x0, 1 - bar'), x_t | x_{t-1} ~ N(sqrt(1 - beta) x_{t-1}, beta): a product of two Gaussians.
    clean, noisy = 0.7, -1.3
    before, beta = bars[time - 1], betas[time]
    precision_prior, precision_seen = 1 / (1 - before), (1 - beta) / beta
    expected = (precision_prior * before**0.5 * clean + precision_seen * noisy / (1 - beta) ** 0.5) / (
        precision_prior + precision_seen
    )
    mean = GaussianDiffusion(SETTINGS).posterior_mean(torch.tensor([[clean]]), torch.tensor([[noisy]]), time)
    assert math.isclose(float(mean), expected, rel_tol=1e-5)


def test_ddpm_takes_every_step_with_variance_beta_and_no_noise_in_the_last() -> None:
    betas, _ = schedule()
    diffusion = GaussianDiffusion(SETTINGS)
    start = torch.zeros(1, 1, dtype=torch.float64)
    quiet = [x for x, _ in diffusion.ddpm(lambda noisy, time: 0 * noisy, start, lambda: torch.zeros_like(start))]
    loud = [x for x, _ in diffusion.ddpm(lambda noisy, time: 0 * noisy, start, lambda: torch.ones_like(start))]
    assert len(loud) == 500 and not any(x.any() for x in quiet)
    assert math.isclose(float(loud[0]), betas[499] ** 0.5, rel_tol=1e-9)
    # The last step scales x_1 to 0 exactly: its posterior given x_0 = 0 is a point.
    assert float(loud[-1]) == 0


@pytest.mark.parametrize("steps", [0, 501])
def test_ddim_refuses_steps_there_are_not(steps: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 500"):
        next(GaussianDiffusion(SETTINGS).ddim(lambda noisy, time: noisy, torch.zeros(1, 1), steps))
