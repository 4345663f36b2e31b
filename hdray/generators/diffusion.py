"""Gaussian diffusion of vectors: the training loss, DDIM and DDPM sampling.

Ho et al. 2020 (DDPM), Song et al. 2021 (DDIM). Shapes: B vectors, D weights. Time runs over 0 ... T-1; `Denoise` is the
network: noisy (B, D) and timestep (B,) to its prediction (B, D).
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hdray.generators.settings import GeneratorSettings

Denoise = Callable[[Tensor, Tensor], Tensor]


class GaussianDiffusion:
    """The forward process of a schedule and its two reverses; coefficients are kept in float64, on the CPU."""

    def __init__(self, settings: GeneratorSettings) -> None:
        self.timesteps = settings.timesteps
        self.predict = settings.predict
        # Also where a generator is made on the meta device, to count its parameters: arithmetic there imports torch's compiler.
        with torch.device("cpu"):
            if settings.noise_schedule == "cosine":
                self.betas = cosine_betas(settings.timesteps)
            else:
                self.betas = torch.linspace(
                    settings.beta_start, settings.beta_end, settings.timesteps, dtype=torch.float64
                )
            # alpha-bar: the share of the clean vector's variance left
            self.signal = torch.cumprod(1 - self.betas, dim=0)

    def noised(self, clean: Tensor, timestep: Tensor, noise: Tensor) -> Tensor:
        """q(x_t | x_0): clean (B, D), timestep (B,) and standard normal noise (B, D) to (B, D) (DDPM eq. 4)."""
        signal = self.signal.to(clean.device)[timestep].unsqueeze(1)
        return signal.sqrt().to(clean.dtype) * clean + (1 - signal).sqrt().to(clean.dtype) * noise

    def loss(self, denoise: Denoise, clean: Tensor, timestep: Tensor, noise: Tensor) -> Tensor:
        """Mean squared error of the predicted clean vector (or noise), over all B x D entries, in fp32."""
        predicted = denoise(self.noised(clean, timestep, noise), timestep)
        target = clean if self.predict == "x0" else noise
        return torch.nn.functional.mse_loss(predicted.float(), target.float())

    def ddim(self, denoise: Denoise, start: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Deterministic sampling (eta 0, DDIM eq. 12) in `steps` of the T steps, evenly spaced from the last to 0.

        `start` (B, D) is standard normal. Yields after every step x and the clean vector that the network expected
        from the x before it, both (B, D); the last x is the sample. Raises ValueError for more than T steps.
        """
        if not 1 <= steps <= self.timesteps:
            raise ValueError(f"{steps} DDIM steps; there are between 1 and {self.timesteps}")
        times = torch.linspace(self.timesteps - 1, 0, steps, dtype=torch.float64).round().long().tolist()
        current = start
        for index, time in enumerate(times):
            clean, noise = self._split(denoise, current, time)
            remaining = float(self.signal[times[index + 1]]) if index + 1 < len(times) else 1.0
            current = remaining**0.5 * clean + (1 - remaining) ** 0.5 * noise
            yield current, clean

    def ddpm(self, denoise: Denoise, start: Tensor, draw: Callable[[], Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Ancestral sampling through all T steps with the larger fixed variance beta_t (DDPM algorithm 2).

        `start` (B, D) is standard normal, `draw()` gives the fresh normal noise (B, D) of a step. Yields as `ddim`.
        """
        current = start
        for time in range(self.timesteps - 1, -1, -1):
            clean, _ = self._split(denoise, current, time)
            mean = self.posterior_mean(clean, current, time)
            current = mean + float(self.betas[time]) ** 0.5 * draw() if time > 0 else mean
            yield current, clean

    def posterior_mean(self, clean: Tensor, noisy: Tensor, time: int) -> Tensor:
        """The mean of q(x_{t-1} | x_t, x_0) (DDPM eq. 7), all (B, D)."""
        beta, signal = float(self.betas[time]), float(self.signal[time])
        before = float(self.signal[time - 1]) if time > 0 else 1.0
        return (before**0.5 * beta * clean + (1 - beta) ** 0.5 * (1 - before) * noisy) / (1 - signal)

    def _split(self, denoise: Denoise, noisy: Tensor, time: int) -> tuple[Tensor, Tensor]:
        """The clean vector and the noise that the network says `noisy` (B, D) is made of."""
        signal = float(self.signal[time])
        predicted = denoise(noisy, torch.full((len(noisy),), time, device=noisy.device)).to(noisy.dtype)
        if self.predict == "x0":
            return predicted, (noisy - signal**0.5 * predicted) / (1 - signal) ** 0.5
        return (noisy - (1 - signal) ** 0.5 * predicted) / signal**0.5, predicted


def cosine_betas(timesteps: int) -> Tensor:
    """Variances (T,) float64 of the cosine schedule: the signal left after step t of T is cos^2 of a quarter turn's part.

    Nichol and Dhariwal 2021, equation 17: offset 0.008, variances at most 0.999 (diffusers' squaredcos_cap_v2).
    """
    share = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    left = torch.cos((share + 0.008) / 1.008 * (math.pi / 2)).square()
    return (1 - left[1:] / left[:-1]).clamp_max(0.999)
