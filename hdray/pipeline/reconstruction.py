"""What is lost before anything is generated: how far the surfaces of fitted fields lie from those of their shapes."""

from collections.abc import Sequence

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.metrics.shape_sets import ShapeSet
from hdray.metrics.temporal import distances_of_partners
from hdray.pipeline.instances import Fitted

DRAWS = ("reconstructed", "reconstructed again")
"""Names of the two samples of each field's surface."""
MOST_SHAPES = 64
"""Shapes whose fields are looked at: the first in order of their ids, which are hashes."""
MOST_SURFACES = 256
"""Surfaces to extract for it, which an animation has one a frame of."""


def reconstructed(fits: Sequence[Fitted], config: Config) -> Fitted:
    """The shapes that are looked at, of all these."""
    rows = sorted((name, one, row) for one, part in enumerate(fits) for row, name in enumerate(part.ids))
    rows = rows[: min(MOST_SHAPES, MOST_SURFACES // max(config.signal.frames, 1))]
    return Fitted(
        ids=[name for name, _, _ in rows],
        sources=[fits[one].sources[row] for _, one, row in rows],
        theta=np.stack([fits[one].theta[row] for _, one, row in rows]),
        surface=np.stack([fits[one].surface[row] for _, one, row in rows]),
    )


def reconstruction(shapes: Fitted, own: ShapeSet, drawn: Sequence[ShapeSet], squared: bool) -> dict[str, float]:
    """Chamfer distances in the unit box of shapes' own surfaces (by source) from two samples of their fields' (by id).

    reconstruction_cd: the mean. reconstruction_cd_floor: the same between the two samples, which is what a perfect field
    would come to. reconstruction_empty: the share of fields without a surface, which the means leave out; they are NaN
    where no field has any.
    """
    sources = dict(zip(shapes.ids, shapes.sources, strict=True))
    real = dict(zip(own.names, own.clouds, strict=True))
    first, second = (dict(zip(some.names, some.clouds, strict=True)) for some in drawn)
    empty = {"reconstruction_empty": 1 - len(first) / len(shapes.ids)}
    if not first:
        return {"reconstruction_cd": float("nan"), "reconstruction_cd_floor": float("nan"), **empty}
    true = torch.stack([real[sources[name]] for name in first])
    made, again = (torch.stack([some[name] for name in first]) for some in (first, second))
    return {
        "reconstruction_cd": float(distances_of_partners(true, made, squared=squared).mean()),
        "reconstruction_cd_floor": float(distances_of_partners(made, again, squared=squared).mean()),
        **empty,
    }
