"""Batched fitting of mLoRA against the plain way: a loop over shapes, each an ordinary PyTorch training loop in float32.

Both sides adapt the same base network to the same procedural chairs, for the same number of steps of the same number of
points from the same start with the same cosine schedule, in turns, and are then judged on the same fresh points. The base is
as it was drawn: what a step costs does not depend on what the base has learned. Milliseconds per shape and step.
(fit_lora_small.py has the size of the sweep that is shipped.)

Per shape and step of P = 2,048 points, L = 9 layers of H = 128: layers 3 x 2 P L H^2 = 1.8 GFLOP, adapting with r = 3 pairs
3 x 2 r L H^2 = 2.7 MFLOP. Adapted matrices are 0.6 MB in float32, activations 0.5 MB a layer in bf16.
"""

import dataclasses
import statistics
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from benchmarks.fit import mean_iou, sample_of
from hdray.fields.base_network import BaseNetwork
from hdray.fields.lora import LoRAField
from hdray.fields.settings import FieldSettings
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.precision import resolve
from hdray.fitting.settings import FitSettings
from hdray.signals.points import decode, unpack

SHAPES = 16
ROUNDS = 5
SETTINGS = FitSettings(batch_size=SHAPES, steps=50, learning_rate=1e-2)
FIELD = FieldSettings(kind="mlora", width=128, blocks=4, rank=3, omega=5.0)


def measure() -> dict[str, float]:
    """Milliseconds per shape and step at a width of 128: {"ours", "baseline", "ratio"}; see `compare`."""
    return compare(FIELD, SETTINGS)


def compare(size: FieldSettings, settings: FitSettings) -> dict[str, float]:
    """Both sides in turns, for mLoRA of this size, `settings.batch_size` chairs; prints the quality both sides reached.

    Returns {"ours", "baseline", "ratio"}, milliseconds per shape and step.
    """
    shapes = settings.batch_size
    base = BaseNetwork(size)
    base.initialise(torch.Generator().manual_seed(0))
    field = LoRAField(size, True, base.state_dict())
    names = [f"chair {number}" for number in range(shapes)]
    samples = [sample_of(name) for name in names]
    points = torch.from_numpy(np.stack([sample.points for sample in samples]))
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples]))
    start = random_start(field, 0)

    # Warm up both sides: libraries choose and compile their kernels on first use.
    few = dataclasses.replace(settings, steps=3)
    fit(field, points, labels, start, few, names, 0)
    _plain_fit(field, base, points[0], labels[0], start, few)

    ours: list[float] = []
    baseline: list[float] = []
    plain: dict[int, Tensor] = {}
    for turn in range(ROUNDS):
        begin = time.perf_counter()
        batched = fit(field, points, labels, start, settings, names, 0).theta
        ours.append((time.perf_counter() - begin) * 1e3 / settings.steps / shapes)
        # The loop over shapes costs the same for every shape: one in each turn stands for all.
        begin = time.perf_counter()
        plain[turn] = _plain_fit(field, base, points[turn], labels[turn], start, settings)
        baseline.append((time.perf_counter() - begin) * 1e3 / settings.steps)

    precision = resolve(settings.precision, "cpu")
    print(f"{shapes} chairs, {settings.steps} steps of {settings.points_per_step} points, {field.layout.size} weights")
    print(f"ours ({precision}): mean IoU {mean_iou(field, batched, samples)}; of the loop's shapes:")
    print(f"  ours {mean_iou(field, batched[:ROUNDS], samples[:ROUNDS])}")
    print(f"  loop {mean_iou(field, torch.stack([plain[turn] for turn in range(ROUNDS)]), samples[:ROUNDS])}")
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    return result | {"ratio": result["baseline"] / result["ours"]}


class _PlainField(torch.nn.Module):
    """One shape's pairs and Fourier layer over the frozen base."""

    def __init__(self, field: LoRAField, base: BaseNetwork, start: Tensor) -> None:
        super().__init__()
        pieces = [part.clone() for part in field.layout.split(start)]
        self.own = torch.nn.ParameterList(pieces)
        self.output = base.output.requires_grad_(False)
        self.matrices = base.weights(base.latent.unsqueeze(0))[0].detach()  # (L, H, H)
        self.biases = base.biases.detach()
        self.omega = field.settings.omega

    def _layer(self, number: int, hidden: Tensor) -> Tensor:
        a, b = self.own[2 + 2 * number], self.own[3 + 2 * number]
        return torch.relu(linear(hidden, self.matrices[number] * (b.T @ a), self.biases[number]))

    def forward(self, coords: Tensor) -> Tensor:
        """Logits (P,) at coords (P, 3)."""
        hidden = self._layer(0, torch.sin(self.omega * linear(coords, self.own[0], self.own[1])))
        for first in range(1, len(self.matrices), 2):
            hidden = hidden + self._layer(first + 1, self._layer(first, hidden))
        return self.output(hidden).squeeze(-1)


def _plain_fit(
    field: LoRAField, base: BaseNetwork, codes: Tensor, packed: Tensor, start: Tensor, settings: FitSettings
) -> Tensor:
    """One shape the usual way; returns its vector (D,)."""
    module = _PlainField(field, base, start)
    optimiser = torch.optim.Adam(module.own.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=settings.steps)
    criterion = torch.nn.BCEWithLogitsLoss()
    coords, targets = decode(codes), unpack(packed).float()
    generator = torch.Generator().manual_seed(0)
    for _ in range(settings.steps):
        drawn = torch.randint(len(coords), (settings.points_per_step,), generator=generator)
        loss = criterion(module(coords[drawn]), targets[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return torch.cat([part.detach().flatten() for part in module.own])


if __name__ == "__main__":
    print(measure())
