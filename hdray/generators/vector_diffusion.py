"""What all diffusion generators share: a network that denoises vectors, the diffusion, the scaling, and sampling.

Shapes: N vectors, B of them at a time, D entries.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    def sample(
        self, ids: Sequence[str], seed: int, settings: GenerateSettings, numbers: Sequence[int] | None = None
    ) -> Tensor:
        """One vector per id, (N, D) float32 on the CPU; ids are numbered as they come, or by `numbers`, N of them.

        A vector is drawn from (seed, id) alone, in row number % `settings.batch_size` of a batch padded to that many
        rows. No row sees another, but how libraries round a row may depend on where in the batch it stands. So an id
        that has the same number in every call has the same vector, bit for bit on one machine, however ids are divided
        over calls; with another number, or another batch size, it has the same but for rounding. Ids that want one row
        take a batch each, so numbers should follow one another.

        Raises ValueError for more or fewer numbers than ids.
        """
        if numbers is None:
            numbers = range(len(ids))
        if len(numbers) != len(ids):
            raise ValueError(f"{len(numbers)} numbers for {len(ids)} ids")
        vectors = torch.empty(len(ids), len(self.shift))
        for batch in _batches(numbers, settings.batch_size):
            for noisy, _ in self._denoising({row: ids[index] for row, index in batch.items()}, seed, settings):
                last = noisy
            vectors[list(batch.values())] = self._unscaled(last[list(batch)])
        return vectors

    @torch.no_grad()
    def trajectory(self, instance: str, seed: int, settings: GenerateSettings, count: int) -> Tensor:
        """How the sample of one id comes about: (count, D) float32 on the CPU.

        Row by row the clean vector the network expects, at evenly spaced moments from the first step to the last,
        which is the vector that `sample` gives for the id as number 0. Fewer rows where there are fewer steps than `count`.
        """
        expected = [self._unscaled(clean[:1]) for _, clean in self._denoising({0: instance}, seed, settings)]
        moments = torch.linspace(0, len(expected) - 1, min(count, len(expected))).round().long().tolist()
        return torch.cat([expected[moment] for moment in moments])

    def _denoising(
        self, ids: Mapping[int, str], seed: int, settings: GenerateSettings
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The steps of the chosen sampler on one batch with these ids in these of its rows; the others are padding."""
        streams = {row: torch_stream(seed, instance, "sample") for row, instance in ids.items()}

        def draw() -> Tensor:
            noise = torch.zeros(settings.batch_size, len(self.shift))
            for row, stream in streams.items():
                noise[row].normal_(generator=stream)
            return noise.to(self.shift.device)

        if settings.sampler == "ddim":
            return self.diffusion.ddim(self.network, draw(), settings.steps)
        return self.diffusion.ddpm(self.network, draw(), draw)

    def _unscaled(self, normalised: Tensor) -> Tensor:
        return self.normaliser.backward(normalised).float().cpu()


def _batches(numbers: Sequence[int], size: int) -> list[dict[int, int]]:
    """Which of the numbers stands in which row, number % size, of as few batches as hold them."""
    batches: list[dict[int, int]] = []
    taken = [0] * size  # how many batches have something in each row
    for index, number in enumerate(numbers):
        row = number % size
        if taken[row] == len(batches):
            batches.append({})
        batches[taken[row]][row] = index
        taken[row] += 1
    return batches
