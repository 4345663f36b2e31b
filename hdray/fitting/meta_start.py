"""A start learned from the training shapes: the point from which a few steps lead far, whatever the shape.

Reptile (Nichol, Achiam, Schulman 2018, *On First-Order Meta-Learning Algorithms*, Algorithm 2, batched): fit a few shapes
from the present start for a few steps, and move the start towards the mean of where they arrive: all the way in the first of
R rounds, by 1 / R less in each that follows. MetaSDF (Sitzmann et al. 2020) and Tancik et al. 2021 learn starts of neural fields so.
"""

from dataclasses import replace

import torch
from torch import Tensor

from hdray.fields.field import DescentField
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.point_set import PointSet
from hdray.fitting.settings import FitSettings
from hdray.generators.epochs import ShuffledEpochs
from hdray.seeds import seed_of


def meta_start(
    field: DescentField,
    points: PointSet,
    settings: FitSettings,
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> Tensor:
    """(D,), learned from the shapes of a set of points, beginning at the random start. times (T,) of animations: see `fit`.

    A round fits `batch_size` of them, `meta_steps` each, under the schedule and the learning rate of all fits.
    """
    inner = replace(settings, steps=settings.meta_steps)
    epochs = ShuffledEpochs(len(points.ids), seed, "meta", "epoch")
    start = random_start(field, seed)
    size = min(settings.batch_size, len(points.ids))
    for number in range(settings.meta_rounds):
        picked = [epochs.pick(number * size + place) for place in range(size)]
        # Where an epoch ends a shape may come twice: with the place in its name, its points are drawn twice, too.
        names = [f"{points.ids[row]}/{place}" for place, row in enumerate(picked)]
        chosen = points.points[picked], points.labels[picked]
        found = fit(field, *chosen, start, inner, names, seed_of(seed, "meta", number), device, times)
        start += (1 - number / settings.meta_rounds) * (found.theta.mean(dim=0) - start)
    return start
