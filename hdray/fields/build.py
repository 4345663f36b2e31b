"""From settings to what the vectors of a run stand for."""

from collections.abc import Mapping

from torch import Tensor

from hdray.fields.cloud import PointCloud
from hdray.fields.fourier_mlp import FourierMLPField
from hdray.fields.lora import LoRAField
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.voxels import VoxelField

Representation = MLPField | FourierMLPField | LoRAField | SirenMixture | VoxelField | PointCloud
"""What a vector stands for: a field, or a cloud of points."""


def build_field(
    settings: FieldSettings, surface_points: int, frames: int = 0, shared: Mapping[str, Tensor] | None = None
) -> Representation:
    """The representation of `settings.kind`; clouds have `surface_points` points.

    Fields take 3 coordinates, or of animations (`frames` above 0) a fourth, time. `shared`: what instances have in common,
    where the kind has such: a base network, masks.

    Raises ValueError for a cloud of an animation, and for a kind that needs `shared` and gets none.
    """
    dimension = 4 if frames else 3
    if settings.kind == "voxels":
        return VoxelField(settings, frames)
    if settings.kind == "points":
        if frames:
            raise ValueError("a cloud of points has no frames")
        return PointCloud(surface_points)
    if settings.kind == "mlp":
        return MLPField(settings, dimension)
    if shared is None and (settings.kind != "fourier-mlp" or settings.asymmetric):
        raise ValueError(f"fields of kind {settings.kind} are made from what they share, and nothing is given")
    if settings.kind == "fourier-mlp":
        return FourierMLPField(settings, dimension, shared=shared or {})
    assert shared is not None
    if settings.kind == "mnif":
        return SirenMixture(settings, shared, dimension)
    return LoRAField(settings, settings.kind == "mlora", shared, dimension)
