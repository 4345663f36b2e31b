"""Where fits start: all from one seeded draw, all from a shape fitted from that draw, or each from a draw of its own."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hdray.fields.build import Representation
from hdray.fields.field import DescentField
from hdray.fitting.descent import fit
from hdray.fitting.settings import FitSettings
from hdray.seeds import torch_stream


def random_start(field: Representation | DescentField, seed: int) -> Tensor:
    """(D,) as the field initialises itself (drawn like a new network, of an MLP); the same for the same run seed."""
    return field.initialise(torch_stream(seed, "initialisation"))


def independent_starts(field: Representation | DescentField, ids: list[str], seed: int) -> Tensor:
    """(K, D), a draw for each instance: what HyperDiffusion's Table 3 calls random initialisation."""
    return torch.stack([field.initialise(torch_stream(seed, instance, "initialisation")) for instance in ids])


def fitted_start(
    field: DescentField,
    points: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    settings: FitSettings,
    instance: str,
    seed: int,
    device: torch.device | str = "cpu",
    times: Tensor | None = None,
) -> Tensor:
    """(D,) of one instance's points (N, 3) and packed labels (N/8,), fitted from the random start.

    Fitted alone, in one slot: nothing else shares the batch, so nothing is padded.
    """
    alone = replace(settings, batch_size=1)
    start = random_start(field, seed)
    return fit(field, points[None], labels[None], start, alone, [instance], seed, device, times).theta[0]
