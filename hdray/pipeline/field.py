"""What the vectors of a run stand for, from its configuration."""

from hdray.config.tree import Config
from hdray.fields.build import Representation, build_field


def field_of(config: Config) -> Representation:
    """The run's field, or cloud of points."""
    return build_field(config.field, config.signal.surface_points, config.signal.frames)
