"""What is lost before anything is generated: how far the surfaces of fitted fields lie from those of their shapes.

Held-out and training shapes are measured apart: networks that all fields share are trained on the latter alone.
"""

from collections.abc import Sequence

import torch

from hdray.config.tree import Config
from hdray.metrics.shape_sets import ShapeSet
from hdray.metrics.temporal import distances_of_partners
from hdray.pipeline.instances import Fitted

DRAWS = ("reconstructed", "reconstructed again")
"""Names of the two samples of each field's surface."""
OF_TRAINING = "_training"
"""What names of metrics end in that are of training shapes; those of held-out ones end in nothing."""
MOST_SHAPES = 64
"""Shapes of a split whose fields are looked at: the first in order of their ids, which are hashes."""
MOST_SURFACES = 256
"""Surfaces to extract for it, which an animation has one a frame of."""


def looked_at(fitted: Fitted, config: Config) -> Fitted:
    """The shapes that are looked at, of these of one split."""
    rows = sorted(range(len(fitted.ids)), key=fitted.ids.__getitem__)
    return fitted.at(rows[: min(MOST_SHAPES, MOST_SURFACES // max(config.signal.frames, 1))])


def reconstruction(
    shapes: Fitted, own: ShapeSet, drawn: Sequence[ShapeSet], squared: bool, of: str = ""
) -> dict[str, float]:
    """Chamfer distances in the unit box of shapes' own surfaces (by source) from two samples of their fields' (by id).

    reconstruction_cd: the mean. reconstruction_cd_floor: the same between the two samples, which is what a perfect field
    would come to. reconstruction_empty: the share of fields without a surface, which the means leave out; they are NaN
    where no field has any. `of` ends these names. `own` and `drawn` may hold other shapes' too.
    """
    sources = dict(zip(shapes.ids, shapes.sources, strict=True))
    real = dict(zip(own.names, own.clouds, strict=True))
    first, second = (
        {name: cloud for name, cloud in zip(some.names, some.clouds, strict=True) if name in sources} for some in drawn
    )
    cd, floor, empty = (f"reconstruction_{name}{of}" for name in ("cd", "cd_floor", "empty"))
    share = 1 - len(first) / len(shapes.ids)
    if not first:
        return {cd: float("nan"), floor: float("nan"), empty: share}
    true = torch.stack([real[sources[name]] for name in first])
    made, again = (torch.stack([some[name] for name in first]) for some in (first, second))
    return {
        cd: float(distances_of_partners(true, made, squared=squared).mean()),
        floor: float(distances_of_partners(made, again, squared=squared).mean()),
        empty: share,
    }
