"""From settings to what the vectors of a run stand for."""

from collections.abc import Mapping

from torch import Tensor

from hdray.fields.cloud import PointCloud
from hdray.fields.field import Field
from hdray.fields.kind import Domain
from hdray.fields.kinds import kind_of
from hdray.fields.settings import FieldSettings

Representation = Field | PointCloud
"""What a vector stands for: a field, or a cloud of points."""


def build_field(
    settings: FieldSettings, surface_points: int, frames: int = 0, shared: Mapping[str, Tensor] | None = None
) -> Representation:
    """The representation of `settings.kind`; clouds have `surface_points` points.

    Fields take 3 coordinates, or of animations (`frames` above 0) a fourth, time. `shared`: what instances have in common,
    where the kind has such: a base network, masks.

    Raises ValueError for a cloud of an animation, and for a kind that needs `shared` and gets none.
    """
    kind = kind_of(settings.kind)
    if kind.cloud and frames:
        raise ValueError("a cloud of points has no frames")
    if shared is None and kind.shares(settings):
        raise ValueError(f"fields of kind {settings.kind} are made from what they share, and nothing is given")
    return kind.build(settings, shared or {}, Domain(surface_points, frames))
