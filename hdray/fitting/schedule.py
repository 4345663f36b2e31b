"""Learning rates per instance: cosine over a fixed budget, or the published code's plateau rule with early stopping.

Shapes in comments: K instances.
"""

import math

import torch
from torch import Tensor

from hdray.fitting.settings import FitSettings


class Cosine:
    """The same rate for every instance: from the initial rate to zero over `steps`."""

    def __init__(self, settings: FitSettings, slots: int, device: torch.device) -> None:
        self.settings = settings
        angles = torch.arange(settings.steps, dtype=torch.float64) * (math.pi / settings.steps)
        rates = settings.learning_rate * 0.5 * (1 + torch.cos(angles))
        # (steps, K, 1)
        self.rates = rates.float().to(device).view(-1, 1, 1).expand(-1, slots, 1)

    def rate(self, step: int) -> Tensor:
        """Learning rates (K, 1) of this step, counted from 0."""
        return self.rates[step]


class Plateau:
    """Each instance's rate drops when its own epoch loss stops improving, and is zero once it has stopped.

    As ReduceLROnPlateau with threshold 0: the rate is multiplied by the factor, down to the floor, after more than
    `plateau_patience` epochs in a row without a new lowest loss. An instance stops after `stop_patience` such epochs.
    """

    def __init__(self, settings: FitSettings, slots: int, device: torch.device) -> None:
        self.settings = settings
        self.rates = torch.full((slots, 1), settings.learning_rate, dtype=torch.float64, device=device)
        self.running = torch.ones(slots, dtype=torch.bool, device=device)
        self.epochs = torch.zeros(slots, dtype=torch.int64, device=device)
        self.lowest = torch.full((slots,), math.inf, dtype=torch.float64, device=device)
        self.since_lowest = torch.zeros(slots, dtype=torch.int64, device=device)
        self.since_drop = torch.zeros(slots, dtype=torch.int64, device=device)
        self.applied = self.rates.float()

    def rate(self, step: int) -> Tensor:
        """Learning rates (K, 1); they change at the end of an epoch only."""
        return self.applied

    def end_epoch(self, losses: Tensor) -> None:
        """Take the epoch's mean losses (K,), float64."""
        self.epochs += self.running
        better = losses < self.lowest
        self.lowest = torch.where(better, losses, self.lowest)
        self.since_lowest = torch.where(better, 0, self.since_lowest + 1)
        self.since_drop = torch.where(better, 0, self.since_drop + 1)
        drop = self.since_drop > self.settings.plateau_patience
        self.since_drop = torch.where(drop, 0, self.since_drop)
        lowered = (self.rates * self.settings.plateau_factor).clamp_min(self.settings.minimum_learning_rate)
        self.rates = torch.where(drop.unsqueeze(1), torch.minimum(lowered, self.rates), self.rates)
        self.running &= self.since_lowest < self.settings.stop_patience
        self.applied = torch.where(self.running.unsqueeze(1), self.rates, 0.0).float()
