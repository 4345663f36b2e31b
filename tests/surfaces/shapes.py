"""Fields for the tests of surfaces: analytic ones, and ones that are really fitted."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.descent import fit
from hdray.fitting.settings import FitSettings
from hdray.seeds import numpy_stream, torch_stream
from hdray.signals.mesh import Mesh
from hdray.signals.points import decode, encode, pack

Field = Callable[[Tensor, Tensor, str], Tensor]
NO_WEIGHTS = torch.zeros(1)


def analytic(function: Callable[[Tensor], Tensor]) -> Field:
    """A field whose logits are `function` of coordinates (K, P, 3), whatever the weights."""
    return lambda theta, coords, precision: function(coords).unsqueeze(-1)


def ball(centre: tuple[float, float, float], radius: float) -> Field:
    """Signed distance to a sphere, 10 logits a unit, positive inside."""
    return analytic(lambda coords: 10 * (radius - (coords - torch.tensor(centre)).norm(dim=-1)))


def boxes(coords: np.ndarray, parts: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> np.ndarray:
    """Whether coordinates (P, 3) lie in any of the boxes (low corner, high corner)."""
    return np.any([((coords >= low) & (coords <= high)).all(axis=1) for low, high in parts], axis=0)


CHAIR = [
    ((-0.25, -0.05, -0.25), (0.25, 0.0, 0.25)),
    ((-0.25, 0.0, -0.25), (0.25, 0.45, -0.21)),
    *[((x, -0.48, z), (x + 0.03, -0.05, z + 0.03)) for x in (-0.25, 0.22) for z in (-0.25, 0.22)],
]
"""A chair with legs 0.03 thick."""

AIRPLANE = [
    ((-0.04, -0.04, -0.45), (0.04, 0.04, 0.45)),
    ((-0.48, -0.006, -0.1), (0.48, 0.006, 0.08)),
    ((-0.17, -0.005, 0.33), (0.17, 0.005, 0.42)),
    ((-0.005, 0.0, 0.33), (0.005, 0.17, 0.43)),
]
"""A fuselage with wings 0.012 and tail planes 0.01 thick."""


def fitted_fields() -> tuple[MLPField, Tensor]:
    """A field and vectors (2, D) fitted briefly to CHAIR and AIRPLANE."""
    field = MLPField(MLPSettings(width=64, frequencies=5, frequency_base=3.14159))
    codes, labels = [], []
    for name, parts in (("chair", CHAIR), ("airplane", AIRPLANE)):
        stream = numpy_stream(0, name)
        corners = np.array(parts)  # (parts, 2, 3)
        box = stream.integers(len(parts), size=20_000)
        near = stream.uniform(corners[box, 0], corners[box, 1]) + 0.015 * stream.normal(size=(20_000, 3))
        points = encode(np.concatenate([stream.uniform(-0.5, 0.5, (20_000, 3)), near]))
        codes.append(points)
        labels.append(pack(boxes(decode(points), parts)))
    start = field.initialise(torch_stream(0, "start"))
    settings = FitSettings(batch_size=2, steps=300, precision="fp32")
    result = fit(field, np.stack(codes), np.stack(labels), start, settings, ["chair", "airplane"], seed=0)
    return field, result.theta


def volume_of(mesh: Mesh) -> float:
    """The signed volume of a closed mesh: positive where faces are counter-clockwise from outside."""
    corners = mesh.corners
    return float(np.einsum("fc,fc->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge is run through once each way: watertight and wound alike everywhere."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    count = len(mesh.vertices)
    there, back = np.sort(edges[:, 0] * count + edges[:, 1]), np.sort(edges[:, 1] * count + edges[:, 0])
    return bool(np.array_equal(there, back) and (np.diff(there) > 0).all())
