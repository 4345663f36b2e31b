"""What is lost before anything is generated: how far the surfaces of fitted fields lie from those of their shapes."""

import numpy as np
import torch

from hdray.config.tree import Config
from hdray.metrics.temporal import distances_of_partners
from hdray.pipeline.generate_stage import Extraction
from hdray.pipeline.shapes import Shapes, measured_points
from hdray.surfaces.polygonise import EmptySurface

MOST_SHAPES = 32
"""Shapes whose fields are looked at: the first in order of their ids, which are hashes."""
MOST_SURFACES = 128
"""Surfaces to extract for it, which an animation has one a frame of: a second of a core each at the usual resolutions."""


def reconstruction(shapes: list[Shapes], config: Config) -> dict[str, float]:
    """Chamfer distances in the unit box of shapes' own surfaces from those of their fitted fields; none of clouds of points.

    reconstruction_cd: the mean. reconstruction_cd_floor: the same between two samples of the field's surface, which is
    what a perfect field would come to. reconstruction_empty: the share of fields without a surface, which the means
    leave out; they are NaN where no field has any.
    """
    if config.field.kind == "points":
        return {}
    rows = [(name, one, row) for one in shapes for row, name in enumerate(one.ids)]
    most = max(1, min(MOST_SHAPES, MOST_SURFACES // max(config.signal.frames, 1)))
    rows = sorted(rows, key=lambda item: item[0])[:most]
    extraction = Extraction(config)
    own: list[torch.Tensor] = []
    drawn: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for name, one, row in rows:
        meshes = extraction.meshes(one.theta[row])
        if not isinstance(meshes, EmptySurface):
            own.append(one.clouds[row])
            for sample, points in zip(("first", "second"), drawn, strict=True):
                points.append(extraction.points(meshes, f"reconstruction {sample} {name}"))
    empty = {"reconstruction_empty": 1 - len(own) / len(rows)}
    if not own:
        return {"reconstruction_cd": float("nan"), "reconstruction_cd_floor": float("nan"), **empty}
    first, second = (measured_points(torch.from_numpy(np.stack(points)), config) for points in drawn)
    squared = config.evaluate.squared
    return {
        "reconstruction_cd": float(distances_of_partners(torch.stack(own), first, squared=squared).mean()),
        "reconstruction_cd_floor": float(distances_of_partners(first, second, squared=squared).mean()),
        **empty,
    }
