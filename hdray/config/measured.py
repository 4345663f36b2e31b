"""Which metrics a run of a configuration has."""

from hdray.config.tree import Config
from hdray.fields.kinds import kind_of
from hdray.metrics.names import metric_names


def measured(config: Config) -> list[str]:
    """Their names in metrics.json."""
    made = [category for category, count in config.inputs.procedural.items() if count]
    return metric_names(
        animated=bool(config.signal.frames),
        cloud=kind_of(config.field.kind).cloud,
        withheld=bool(config.inputs.withhold),
        # Which categories there are in data is known only once it is listed.
        categories=bool(config.data) or len(made) > 1,
    )
