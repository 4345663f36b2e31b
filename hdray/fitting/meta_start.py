"""A start learned from the training shapes: the point from which a few steps lead far, whatever the shape.

Reptile (Nichol, Achiam, Schulman 2018, *On First-Order Meta-Learning Algorithms*, Algorithm 2, batched): fit a few shapes
from the present start for a few steps, and move the start towards the mean of where they arrive; by less and less, to zero
in the last round. MetaSDF (Sitzmann et al. 2020) and Tancik et al. 2021 learn starts of neural fields so.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hdray.fields.field import DescentField
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.settings import FitSettings
from hdray.generators.epochs import ShuffledEpochs
from hdray.seeds import seed_of


def meta_start(
    field: DescentField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    settings: FitSettings,
    ids: Sequence[str],
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> Tensor:
    """(D,) from N instances' points (N, P, 3) uint16 codes and packed labels (N, P/8), beginning at the random start.

    A round fits `batch_size` of them, `meta_steps` each, under the schedule and the learning rate of all fits.
    """
    points, labels = torch.as_tensor(points), torch.as_tensor(labels)
    inner = replace(settings, steps=settings.meta_steps)
    epochs = ShuffledEpochs(len(ids), seed)
    start = random_start(field, seed)
    size = min(settings.batch_size, len(ids))
    for number in range(settings.meta_rounds):
        picked = torch.tensor([epochs.pick(number * size + place) for place in range(size)])
        # A shape's draws are its own; those of another round are others. Two of a kind are at worst one shape twice.
        names = [f"{ids[row]}/{place}" for place, row in enumerate(picked.tolist())]
        round_seed = seed_of(seed, "meta", number)
        chosen = points.view(torch.int16)[picked].view(torch.uint16)  # torch does not index uint16 everywhere
        found = fit(field, chosen, labels[picked], start, inner, names, round_seed, device, times)
        start += (1 - number / settings.meta_rounds) * (found.theta.mean(dim=0) - start)
    return start
