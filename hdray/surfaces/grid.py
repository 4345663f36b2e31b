"""A field on the points of a regular grid over the unit box: fixed-size batches, so that no value depends on its batch.

The grid of `resolution` R has R cells along each edge of [-0.5, 0.5]^3 and so R + 1 points, the first at -0.5 and the
last at 0.5 exactly; point i lies at i / R - 0.5. Values are logits.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from hdray.fields.field import prepared
from hdray.threads import on_threads

# Points per call of the field. Every call has exactly this many rows (the last one is padded), because a matrix product
# may round differently for another number of rows. On a CPU the activations of one call should stay in the cache.
CPU_ROWS = 8_192
GPU_ROWS = 262_144


class Field(Protocol):
    """What a surface is extracted from: theta (K, D), coords (K, P, 3), precision -> logits (K, P, 1)."""

    def __call__(self, theta: Tensor, coords: Tensor, precision: str, /) -> Tensor:
        """Logits of all K instances, each at its own P points; `precision` is "fp32" or "bf16"."""


# Values (P,) float32 at grid points given by their indices (P, 3) int64.
Evaluate = Callable[[Tensor], Tensor]


def axis(resolution: int, device: torch.device) -> Tensor:
    """Coordinates (R + 1,) float32 of the grid's points along one edge, from -0.5 to 0.5."""
    return (torch.arange(resolution + 1, dtype=torch.float64) / resolution - 0.5).float().to(device)


def grid_evaluator(field: Field, theta: Tensor, resolution: int, device: torch.device, precision: str) -> Evaluate:
    """The field of one vector theta (D,) as a function of grid indices (P, 3); runs without autograd on `device`.

    A value depends on its grid point alone, bit for bit on one machine: not on how many or which points are asked for
    together, nor on their order.
    """
    points = axis(resolution, device)  # (R + 1,)
    return evaluator(field, theta, lambda indices: points[indices], device, precision)


def evaluator(
    field: Field, theta: Tensor, place: Callable[[Tensor], Tensor], device: torch.device, precision: str
) -> Evaluate:
    """As `grid_evaluator`, with `place` giving the coordinates (P, 3) float32 of grid indices (P, 3)."""
    with torch.inference_mode():
        logits_at = prepared(field, theta.to(device).unsqueeze(0))  # of (1, D)
    rows = CPU_ROWS if device.type == "cpu" else GPU_ROWS
    threads = torch.get_num_threads()  # here: callers may run what surrounds the evaluation on one

    def evaluate(indices: Tensor) -> Tensor:
        values = torch.empty(len(indices), dtype=torch.float32, device=device)  # (P,)

        @torch.inference_mode()
        def one_call(call: int) -> None:
            part = place(indices[call * rows : (call + 1) * rows])  # (rows or fewer, 3)
            coords = torch.zeros(1, rows, 3, device=device)
            coords[0, : len(part)] = part
            logits = logits_at(coords, precision)  # (1, rows, 1)
            values[call * rows : (call + 1) * rows] = logits[0, : len(part), 0]

        calls = -(-len(indices) // rows)
        if device.type == "cpu":
            on_threads(one_call, calls, threads)
        else:
            for call in range(calls):
                one_call(call)
        return values

    return evaluate


def dense_volume(evaluate: Evaluate, resolution: int, device: torch.device) -> Tensor:
    """Logits (R + 1, R + 1, R + 1) at every point of the grid, axes x, y, z."""
    size = resolution + 1
    volume = torch.empty(size**3, dtype=torch.float32, device=device)
    # Whole field batches, few enough at a time that the indices stay small beside the volume.
    step = GPU_ROWS
    for start in range(0, len(volume), step):
        flat = torch.arange(start, min(start + step, len(volume)), device=device)
        indices = torch.stack([flat // (size * size), flat // size % size, flat % size], dim=1)  # (P, 3)
        volume[start : start + step] = evaluate(indices)
    return volume.reshape(size, size, size)
