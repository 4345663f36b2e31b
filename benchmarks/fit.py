"""Batched fitting against the plain way: a loop over shapes, each an ordinary PyTorch training loop in float32.

Both sides fit the same procedural chairs for the same number of steps of the same number of points from the same start
with the same cosine schedule, in turns, and are then judged on the same fresh points. Milliseconds per shape and step.
"""

import statistics
import time
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from hdray.fields.field import Field
from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.precision import resolve
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings
from hdray.signals.chairs import chair
from hdray.signals.occupancy import MeshOccupancy, ShapeSample
from hdray.signals.placement import place
from hdray.signals.points import decode, unpack
from hdray.signals.settings import OccupancySettings

SHAPES = 16
ROUNDS = 5
SETTINGS = FitSettings(batch_size=SHAPES, steps=300)
SIGNAL = OccupancySettings(uniform_points=48_000, near_points=48_000)


def measure() -> dict[str, float]:
    """Milliseconds per shape and step: {"ours", "baseline", "ratio"}; prints the quality both sides reached."""
    field = MLPField(MLPSettings())
    names = [f"chair {number}" for number in range(SHAPES)]
    samples = [sample_of(name) for name in names]
    points = torch.from_numpy(np.stack([sample.points for sample in samples]))
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples]))
    start = random_start(field, 0)

    # Warm up both sides: libraries choose and compile their kernels on first use.
    warm = FitSettings(batch_size=SHAPES, steps=5)
    fit(field, points, labels, start, warm, names, 0)
    _plain_fit(field, points[0], labels[0], start, 5)

    ours: list[float] = []
    baseline: list[float] = []
    plain: dict[int, Tensor] = {}
    for turn in range(ROUNDS):
        begin = time.perf_counter()
        batched = fit(field, points, labels, start, SETTINGS, names, 0).theta
        ours.append((time.perf_counter() - begin) * 1e3 / SETTINGS.steps / SHAPES)
        # The loop over shapes costs the same for every shape: a few in each turn stand for all.
        for shape in range(turn, SHAPES, ROUNDS):
            begin = time.perf_counter()
            plain[shape] = _plain_fit(field, points[shape], labels[shape], start, SETTINGS.steps)
            baseline.append((time.perf_counter() - begin) * 1e3 / SETTINGS.steps)

    plainly = torch.stack([plain[shape] for shape in range(SHAPES)])
    print(
        f"fit: {SHAPES} chairs, {SETTINGS.steps} steps of {SETTINGS.points_per_step} points, "
        f"{torch.get_num_threads()} threads, {resolve(SETTINGS.precision, 'cpu')} against fp32"
    )
    for name, theta in (("batched", batched), ("loop over shapes", plainly)):
        print(f"     {name}: mean IoU {mean_iou(field, theta, samples)}")
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    return result | {"ratio": result["baseline"] / result["ours"]}


def sample_of(name: str) -> ShapeSample:
    """A procedural chair, labelled."""
    return MeshOccupancy(place(chair(0, name), SIGNAL.normalisation), [], SIGNAL).sample(0, name)


def _plain_fit(field: MLPField, codes: Tensor, packed: Tensor, start: Tensor, steps: int) -> Tensor:
    """One shape the usual way; returns its weights (D,)."""
    inputs = 3 * (1 + 2 * field.settings.frequencies)
    widths = [inputs] + [field.settings.width] * field.settings.layers
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(widths):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], 1))
    vector_to_parameters(start.clone(), module.parameters())
    optimiser = torch.optim.Adam(module.parameters(), lr=SETTINGS.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    criterion = torch.nn.BCEWithLogitsLoss()
    coords, targets = decode(codes), unpack(packed).float()
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        drawn = torch.randint(len(coords), (SETTINGS.points_per_step,), generator=generator)
        batch = coords[drawn]
        features = [batch]
        for octave in range(field.settings.frequencies):
            angles = batch * (field.settings.frequency_base * 2**octave)
            features += [torch.sin(angles), torch.cos(angles)]
        loss = criterion(module(torch.cat(features, dim=-1)).squeeze(-1), targets[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return parameters_to_vector(module.parameters()).detach()


def mean_iou(field: Field, theta: Tensor, samples: list[ShapeSample]) -> str:
    """Mean IoU on held-out points of both kinds."""
    means = []
    for kind in ("uniform", "near"):
        points = np.stack([getattr(sample, f"held_out_{kind}") for sample in samples])
        labels = np.stack([getattr(sample, f"held_out_{kind}_labels") for sample in samples])
        means.append(f"{quality(field, theta, points, labels).iou.mean().item():.3f} ({kind})")
    return ", ".join(means)


if __name__ == "__main__":
    print(measure())
