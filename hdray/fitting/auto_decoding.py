"""Training the base network that LoRA fields adapt: with a latent code for each shape, learned beside the network.

Yang et al., *Weight Space Representation Learning with Neural Fields*, Eq. 4 and section 8.3, after DeepSDF: no encoder, but a
table of codes, and binary cross entropy plus lambda |z|^2. Early training shows many shapes at few points each, which sets
up the codes; late training few at many, for detail. A row of the global batch is a budget of points; stage after stage it is
divided among half as many shapes. With 16 rows of 32,768 points the five stages go from 256 shapes of 2,048 points to 16 of
32,768, as published.

Shapes in comments: N shapes, S points stored of each, B rows, n shapes of a row, p points of each (n p in a row), Z code.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hdray.fields.base_network import BaseNetwork
from hdray.fields.settings import FieldSettings
from hdray.fitting.point_set import PointSet
from hdray.fitting.settings import AutoDecodingSettings
from hdray.generators.epochs import ShuffledEpochs
from hdray.generators.optimiser import ParameterGroups, parameter_groups, stage_of
from hdray.generators.settings import TrainSettings
from hdray.seeds import torch_stream
from hdray.signals.points import decode


class AutoDecoder(nn.Module):
    """A base network and the codes of the shapes it is trained on."""

    def __init__(self, settings: FieldSettings, shapes: int) -> None:
        super().__init__()
        self.network = BaseNetwork(settings)
        self.latents = nn.Embedding(shapes, settings.latent)

    def forward(self, instance: Tensor, coords: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (K, P) and codes (K, Z), both float32, of shapes (K,) int64 at coords (K, P, 3)."""
        latent = self.latents(instance)
        return self.network(latent, coords).squeeze(-1), latent.float()


class AutoDecoding:
    """The Trainee of base networks. What it exports is what LoRA fields share but for the masks, and the codes."""

    def __init__(
        self, points: PointSet, field: FieldSettings, settings: AutoDecodingSettings, steps: int, seed: int
    ) -> None:
        """`steps`: optimiser steps of the whole training, which the stages divide. Codes are drawn for the points' ids."""
        self.points = points
        self.field = field
        self.settings = settings
        self.seed = seed
        self.steps = steps
        self.module = AutoDecoder(field, self.records)
        self.module.network.initialise(torch_stream(seed, "base", "initialisation"))
        with torch.no_grad():
            for row, name in enumerate(points.ids):
                draw = torch.randn(field.latent, generator=torch_stream(seed, name, "latent"))
                self.module.latents.weight[row] = settings.latent_deviation * draw
        self._epochs = [ShuffledEpochs(self.records, seed, "base", "epoch", stage) for stage in range(settings.stages)]

    @property
    def records(self) -> int:
        """N."""
        return len(self.points.ids)

    def parameter_groups(self, settings: TrainSettings) -> ParameterGroups:
        """Matrices of the mapping, of the affine maps and of the output decay; codes, which have a penalty, if all does."""
        return parameter_groups(self.module, settings)

    def batch(self, step: int, rows: range, size: int) -> dict[str, Tensor]:
        """`instance` (B, n) int64, `codes` (B, n, p, 3) int32 and `inside` (B, n, p) uint8 of rows of the global batch.

        In every stage each shape comes once an epoch, in an order of that epoch; points are drawn with replacement.
        """
        stages = self.settings.stages
        stage = stage_of(step, self.steps, stages)
        shapes = 2 ** (stages - 1 - stage)
        within = step - self.steps * stage // stages
        instances, codes, inside = [], [], []
        for row in rows:
            first = (within * size + row) * shapes
            picks = torch.tensor([self._epochs[stage].pick(first + place) for place in range(shapes)])  # (n,)
            stream = torch_stream(self.seed, "base", step, row)
            places = torch.randint(
                self.points.stored, (shapes, self.settings.points_per_row // shapes), generator=stream
            )
            coded, labels = self.points.drawn(picks.unsqueeze(1).numpy(), places.numpy())
            instances.append(picks)
            codes.append(torch.from_numpy(coded.astype(np.int32)))  # torch does next to nothing with uint16
            inside.append(torch.from_numpy(labels))
        return {"instance": torch.stack(instances), "codes": torch.stack(codes), "inside": torch.stack(inside)}

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Mean over rows and shapes of the mean binary cross entropy plus lambda |z|^2 (Eq. 4)."""
        logits, latent = self.module(batch["instance"].flatten(), decode(batch["codes"].flatten(0, 1)))
        entropy = binary_cross_entropy_with_logits(logits, batch["inside"].flatten(0, 1).float())
        return entropy + self.settings.latent_weight * latent.square().sum(dim=1).mean()

    def export(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """What LoRA fields share, `latent` being the mean code; and `latents.weight` (N, Z), in the order of the ids."""
        shared = {name.removeprefix("network."): weight for name, weight in weights.items()}
        return shared | {"latent": weights["latents.weight"].mean(dim=0)}
