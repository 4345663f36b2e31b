"""From settings to what the vectors of a run stand for."""

from hdray.fields.cloud import PointCloud
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fields.voxels import VoxelField

Representation = MLPField | VoxelField | PointCloud
"""What a vector stands for: a field, or a cloud of points."""


def build_field(settings: FieldSettings, surface_points: int, frames: int = 0) -> Representation:
    """The representation of `settings.kind`; clouds have `surface_points` points.

    The MLP takes 3 coordinates, or of animations (`frames` above 0) a fourth, time.
    """
    if settings.kind == "voxels":
        return VoxelField(settings)
    if settings.kind == "points":
        return PointCloud(surface_points)
    return MLPField(settings, dimension=4 if frames else 3)
