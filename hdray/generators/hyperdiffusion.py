"""HyperDiffusion: a generator of weight vectors by diffusion (Erkoc et al., ICCV 2023, section 5).

Shapes: N vectors, B of them at a time, D weights.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from hdray.generators.diffusion import GaussianDiffusion
from hdray.generators.normaliser import Normaliser
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.tokens import Spans, token_sizes
from hdray.generators.transformer import TokenTransformer
from hdray.seeds import torch_stream


class HyperDiffusion(nn.Module):
    """The transformer, the diffusion it was trained for, and the scaling of its vectors (saved with the weights)."""

    shift: Tensor
    scale: Tensor

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        super().__init__()
        self.sizes = token_sizes(layout)
        self.transformer = TokenTransformer(self.sizes, settings)
        self.diffusion = GaussianDiffusion(settings)
        self.register_buffer("shift", torch.zeros(sum(self.sizes)))
        self.register_buffer("scale", torch.ones(sum(self.sizes)))

    @property
    def normaliser(self) -> Normaliser:
        """Between weights and what the diffusion sees."""
        return Normaliser(self.shift, self.scale)

    @normaliser.setter
    def normaliser(self, normaliser: Normaliser) -> None:
        self.shift.copy_(normaliser.shift)
        self.scale.copy_(normaliser.scale)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Mean squared error for normalised `vectors` (B, D), `timestep` (B,) and `noise` (B, D)."""
        return self.diffusion.loss(self.transformer, batch["vectors"], batch["timestep"], batch["noise"])

    @torch.no_grad()
    def sample(self, ids: Sequence[str], seed: int, settings: GenerateSettings) -> Tensor:
        """One weight vector per id, (N, D) float32 on the CPU.

        Each is drawn from (seed, id) alone, and batches are padded to `settings.batch_size`, so how ids are divided
        over calls changes nothing, bit for bit on one machine; another batch size changes rounding only.
        """
        chunks = [ids[first : first + settings.batch_size] for first in range(0, len(ids), settings.batch_size)]
        vectors = [torch.empty(0, len(self.shift))]
        for chunk in chunks:
            for noisy, _ in self._denoising(chunk, seed, settings):
                last = noisy
            vectors.append(self._weights(last[: len(chunk)]))
        return torch.cat(vectors)

    @torch.no_grad()
    def trajectory(self, instance: str, seed: int, settings: GenerateSettings, count: int) -> Tensor:
        """How the sample of one id comes about: (count, D) float32 on the CPU.

        Row by row the clean vector the network expects, at evenly spaced moments from the first step to the last,
        which is the vector that `sample` gives for the id. Fewer rows where there are fewer steps than `count`.
        """
        expected = [self._weights(clean[:1]) for _, clean in self._denoising([instance], seed, settings)]
        moments = torch.linspace(0, len(expected) - 1, min(count, len(expected))).round().long().tolist()
        return torch.cat([expected[moment] for moment in moments])

    def _denoising(self, ids: Sequence[str], seed: int, settings: GenerateSettings) -> Iterator[tuple[Tensor, Tensor]]:
        """The steps of the chosen sampler on one padded batch; rows beyond the ids are padding."""
        streams = [torch_stream(seed, instance, "sample") for instance in ids]

        def draw() -> Tensor:
            noise = torch.zeros(settings.batch_size, len(self.shift))
            for row, stream in enumerate(streams):
                noise[row].normal_(generator=stream)
            return noise.to(self.shift.device)

        if settings.sampler == "ddim":
            return self.diffusion.ddim(self.transformer, draw(), settings.steps)
        return self.diffusion.ddpm(self.transformer, draw(), draw)

    def _weights(self, normalised: Tensor) -> Tensor:
        return self.normaliser.backward(normalised).float().cpu()
