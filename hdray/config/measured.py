"""Which metrics a run of a configuration has, and what they are of."""

from typing import Any

from hdray.config.tree import Config, flatten
from hdray.fields.kinds import kind_of
from hdray.metrics.names import metric_names

EVALUATION = "evaluate"
"""The stage that measures them, as records name it."""


def measured(config: Config, needs_data: bool = False) -> list[str]:
    """Their names in metrics.json; `needs_data`: where the run is of data that is not named yet."""
    made = [category for category, count in config.inputs.procedural.items() if count]
    return metric_names(
        animated=bool(config.signal.frames),
        cloud=kind_of(config.field.kind).cloud,
        withheld=bool(config.inputs.withhold),
        # Which categories there are in data is known only once it is listed.
        categories=needs_data or bool(config.data) or len(made) > 1,
    )


def evaluation_keys(config: Config) -> dict[str, Any]:
    """What an evaluation depends on beside the fits and the samples."""
    keys = {**flatten(config.evaluate), "seed": config.seed, "count": config.generate.count}
    # The metrics that it has now: what a former version made with others is made again.
    return {**keys, "gate": config.fit.minimum_near_iou, "metrics": measured(config)}
