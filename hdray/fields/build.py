"""From settings to what the vectors of a run stand for."""

from collections.abc import Mapping

from torch import Tensor

from hdray.errors import UserError
from hdray.fields.cloud import PointCloud
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.voxels import VoxelField

Representation = MLPField | VoxelField | SirenMixture | PointCloud
"""What a vector stands for: a field, or a cloud of points."""


def build_field(
    settings: FieldSettings, surface_points: int, frames: int = 0, shared: Mapping[str, Tensor] | None = None
) -> Representation:
    """The representation of `settings.kind`; clouds have `surface_points` points.

    Fields take 3 coordinates, or of animations (`frames` above 0) a fourth, time. `shared` is what the instances of a
    kind that is trained before it is fitted have in common (of mnif, what `hdray.fitting.mixture_training` exports).

    Raises ValueError for a cloud of an animation, and UserError for a kind that needs `shared` without it.
    """
    if settings.kind == "voxels":
        return VoxelField(settings, frames)
    if settings.kind == "points":
        if frames:
            raise ValueError("a cloud of points has no frames")
        return PointCloud(surface_points)
    if settings.kind == "mnif":
        if shared is None:
            raise UserError(
                "field.kind = 'mnif' is made from bases that are trained before shapes are fitted, and there are none here; "
                "field.kind = 'mlp' or 'voxels' needs nothing that is trained before"
            )
        return SirenMixture(settings, shared, dimension=4 if frames else 3)
    return MLPField(settings, dimension=4 if frames else 3)
