"""Training a diffusion generator on a table of vectors.

Shapes: N vectors, B of them in a batch, D entries.
"""

import torch
from torch import Tensor, nn

from hdray.generators.build import build_generator
from hdray.generators.epochs import ShuffledEpochs
from hdray.generators.normaliser import Normaliser
from hdray.generators.optimiser import ParameterGroups, parameter_groups
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.generators.tokens import Spans
from hdray.seeds import torch_stream


class VectorTraining:
    """The Trainee of every diffusion generator: shuffled epochs over the vectors, a diffusion step and noise for every row."""

    def __init__(
        self, theta: Tensor, layout: Spans, settings: GeneratorSettings, seed: int, reference: Tensor | None
    ) -> None:
        """theta (N, D) float32 on the CPU; reference (D,) is the shared initialisation, None where there is none.

        Raises ValueError for no vectors, or for entries that are not finite.
        """
        if len(theta) == 0:
            raise ValueError("there are no vectors to train on")
        if not torch.isfinite(theta).all():
            raise ValueError("some of the vectors to train on have entries that are not finite")
        self.seed = seed
        self.model = build_generator(layout, settings)
        self.model.initialise(seed)
        self.model.normaliser = Normaliser.fit(
            theta, self.model.sizes, settings.normalisation, reference if settings.delta else None
        )
        self.vectors = self.model.normaliser.forward(theta)  # (N, D)
        self.epochs = ShuffledEpochs(len(theta), seed, "training", "epoch")

    @property
    def module(self) -> nn.Module:
        """The network; the scaling of the vectors stays out of it, and so out of reach of casts to bf16."""
        return self.model.network

    @property
    def records(self) -> int:
        """N."""
        return len(self.vectors)

    def parameter_groups(self, settings: TrainSettings) -> ParameterGroups:
        """Matrices decay, the rest only if everything does."""
        return parameter_groups(self.module, settings)

    def batch(self, step: int, rows: range, size: int) -> dict[str, Tensor]:
        """`vectors` (B, D), `timestep` (B,) and `noise` (B, D) of the rows; every epoch is shuffled anew."""
        timesteps = self.model.diffusion.timesteps
        picks, times = [], torch.empty(len(rows), dtype=torch.long)
        noise = torch.empty(len(rows), self.vectors.shape[1])
        for index, row in enumerate(rows):
            picks.append(self.epochs.pick(step * size + row))
            stream = torch_stream(self.seed, "training", step, row)
            times[index] = torch.randint(timesteps, (), generator=stream)
            noise[index].normal_(generator=stream)
        return {"vectors": self.vectors[picks], "timestep": times, "noise": noise}

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The diffusion loss."""
        return self.model.loss(batch)

    def export(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state dict of the model with these weights of its network."""
        scaling = {"shift": self.model.shift, "scale": self.model.scale}
        return {**{f"{self.model.NETWORK}.{name}": weight for name, weight in weights.items()}, **scaling}
