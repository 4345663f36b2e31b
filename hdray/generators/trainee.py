"""What the training loop trains: anything with a loss and batches that depend on the step alone."""

from typing import Protocol

from torch import Tensor, nn

from hdray.generators.optimiser import ParameterGroups
from hdray.generators.settings import TrainSettings


class Trainee(Protocol):
    """A module to train, its batches and its loss. Every worker builds an identical one.

    Generators train in every precision and under every ZeRO stage; what networks that instances share can be trained in and
    under, their Network says (hdray/fields/kind.py), and configurations are checked against that.
    """

    @property
    def module(self) -> nn.Module:
        """What is trained; every parameter of it gets a gradient from `loss`."""
        ...

    @property
    def records(self) -> int:
        """Records in the training set: how many make an epoch."""
        ...

    def parameter_groups(self, settings: TrainSettings) -> ParameterGroups:
        """Groups for AdamW, each with its weight decay."""
        ...

    def batch(self, step: int, rows: range, size: int) -> dict[str, Tensor]:
        """CPU tensors of some rows of the global batch of `size` at a step; depends on seed, step and row alone."""
        ...

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean loss over the rows of the batch, on whatever device the module is."""
        ...

    def export(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Everything that must be saved to use the result, given trained fp32 weights by their names in `module`."""
        ...
