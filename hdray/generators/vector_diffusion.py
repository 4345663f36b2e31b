"""What all diffusion generators share: a network that denoises vectors, the diffusion, the scaling, and sampling.

Shapes: N vectors, B of them at a time, D entries.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from hdray.generators.diffusion import GaussianDiffusion
from hdray.generators.normaliser import Normaliser
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.tokens import Spans, token_sizes
from hdray.seeds import torch_stream


class VectorDiffusion(nn.Module):
    """A generator of vectors; a subclass makes the network, as the attribute that NETWORK names.

    The network takes noisy vectors (B, D) and integer timesteps (B,) to (B, D), and has `initialise(generator)`. Saved
    with its weights is the scaling of the vectors.
    """

    NETWORK: ClassVar[str]
    shift: Tensor
    scale: Tensor

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        super().__init__()
        self.sizes = token_sizes(layout)
        self.diffusion = GaussianDiffusion(settings)
        self.register_buffer("shift", torch.zeros(sum(self.sizes)))
        self.register_buffer("scale", torch.ones(sum(self.sizes)))

    @property
    def network(self) -> nn.Module:
        """What denoises, and is trained."""
        return self.get_submodule(self.NETWORK)

    def initialise(self, seed: int) -> None:
        """Draw the network's weights for a run's seed."""
        self.network.initialise(torch_stream(seed, self.NETWORK, "initialisation"))  # type: ignore[operator]

    @property
    def normaliser(self) -> Normaliser:
        """Between vectors and what the diffusion sees."""
        return Normaliser(self.shift, self.scale)

    @normaliser.setter
    def normaliser(self, normaliser: Normaliser) -> None:
        self.shift.copy_(normaliser.shift)
        self.scale.copy_(normaliser.scale)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Mean squared error for normalised `vectors` (B, D), `timestep` (B,) and `noise` (B, D)."""
        return self.diffusion.loss(self.network, batch["vectors"], batch["timestep"], batch["noise"])

    @torch.no_grad()
    def sample(self, ids: Sequence[str], seed: int, settings: GenerateSettings) -> Tensor:
        """One vector per id, (N, D) float32 on the CPU.

        Each is drawn from (seed, id) alone, and batches are padded to `settings.batch_size`, so how ids are divided
        over calls changes nothing, bit for bit on one machine; another batch size changes rounding only.
        """
        chunks = [ids[first : first + settings.batch_size] for first in range(0, len(ids), settings.batch_size)]
        vectors = [torch.empty(0, len(self.shift))]
        for chunk in chunks:
            for noisy, _ in self._denoising(chunk, seed, settings):
                last = noisy
            vectors.append(self._unscaled(last[: len(chunk)]))
        return torch.cat(vectors)

    @torch.no_grad()
    def trajectory(self, instance: str, seed: int, settings: GenerateSettings, count: int) -> Tensor:
        """How the sample of one id comes about: (count, D) float32 on the CPU.

        Row by row the clean vector the network expects, at evenly spaced moments from the first step to the last,
        which is the vector that `sample` gives for the id. Fewer rows where there are fewer steps than `count`.
        """
        expected = [self._unscaled(clean[:1]) for _, clean in self._denoising([instance], seed, settings)]
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
            return self.diffusion.ddim(self.network, draw(), settings.steps)
        return self.diffusion.ddpm(self.network, draw(), draw)

    def _unscaled(self, normalised: Tensor) -> Tensor:
        return self.normaliser.backward(normalised).float().cpu()
