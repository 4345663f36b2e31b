"""From settings to what the vectors of a run stand for."""

from hdray.fields.cloud import PointCloud
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fields.voxels import VoxelField

Representation = MLPField | VoxelField | PointCloud
"""What a vector stands for: a field, or a cloud of points."""


def build_field(settings: FieldSettings, surface_points: int, frames: int = 0) -> Representation:
    """The representation of `settings.kind`; clouds have `surface_points` points.

    Fields take 3 coordinates, or of animations (`frames` above 0) a fourth, time.

    Raises ValueError for a cloud of an animation.
    """
    if settings.kind == "voxels":
        return VoxelField(settings, frames)
    if settings.kind == "points":
        if frames:
            raise ValueError("a cloud of points has no frames")
        return PointCloud(surface_points)
    return MLPField(settings, dimension=4 if frames else 3)
