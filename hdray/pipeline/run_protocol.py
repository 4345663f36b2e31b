"""The protocol of a run's evaluation: as its configuration asks for it, and as its result describes it."""

import math
import re
from collections.abc import Mapping
from typing import Any

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.metrics.controls import NOISES
from hdray.metrics.distinct import KEPT_SHARE
from hdray.metrics.protocols import Protocol, changed, protocol_named
from hdray.metrics.selection import Selection
from hdray.metrics.shape_sets import ShapeSet

TRAINING, HELD_OUT = "trained on", "held-out"
"""Names of the sets of fields that everything is audited with."""
_NOT_MEASURED = {"network", "layer", "feature_points", "feature_normalisation", "features_scaled", "emd_points"}
"""What a protocol says of measures that need a feature network's weights or are asked for alone."""


def protocol_of(config: Config) -> Protocol:
    """The protocol of the run's evaluation, under a changed name where `evaluate.points` is not what it would take."""
    protocol, points = protocol_named(config.evaluate.protocol), config.evaluate.points
    usual = points in (0, protocol.points or config.signal.surface_points)
    return changed(protocol, None if usual else points, None)


def evaluation_file(config: Config) -> tuple[str, str]:
    """Where the run keeps the result of its evaluation: a file a protocol, named after it."""
    return "evaluations", re.sub("[^a-z0-9]+", "-", protocol_of(config).name.lower()) + ".json"


def check_numbers(references: int, config: Config) -> None:
    """Raise UserError where there are too few of at most so many references, or of generated shapes, for the protocol."""
    protocol, count, split = protocol_of(config), config.generate.count, config.evaluate.reference_split
    if references < protocol.shapes:
        raise UserError(
            f"the protocol {protocol.name} takes {protocol.shapes} reference shapes, and the split {split} has {references}; "
            "give more shapes, another --evaluate.reference-split, or a protocol for any numbers: --evaluate.protocol none"
        )
    compared = protocol.shapes or (references if protocol.equal else 0)
    wanted = math.floor(compared * protocol.generated_factor + 1e-9)
    if count < wanted:
        raise UserError(
            f"the protocol {protocol.name} takes {wanted} generated shapes where the split {split} has {references} "
            f"references, and {count} are to be generated; give --generate.count {wanted} or more, or a protocol for any "
            "numbers: --evaluate.protocol none"
        )


def described(
    config: Config, selection: Selection, generated: ShapeSet, held_out: int, surfaces: Mapping[str, ShapeSet]
) -> dict[str, Any]:
    """What a reader needs to compare the run's numbers with others', beside their intervals.

    `surfaces`: of the fields of training shapes (TRAINING) and of those of the `held_out` shapes whose fits are good
    enough to be trained on (HELD_OUT).
    """
    protocol, generate = protocol_of(config), config.generate
    considered = len(generated) + len(generated.excluded)
    said = {key: value for key, value in protocol.as_dict().items() if key not in _NOT_MEASURED}
    said |= {
        "distance": "Chamfer: mean nearest distance of both directions, summed",
        "points": protocol.points or config.signal.surface_points,
        "frames": f"{config.signal.frames}, distances averaged over them" if config.signal.frames else 0,
        "generated": len(selection.generated) + selection.misses,
        "empty": len(generated.excluded),
        "misses": selection.misses,
        "a_miss_is": "a shape without a surface: never nearest, covers nothing, told apart from the references",
        "left_aside": selection.unused["generated"],
        "references": len(selection.reference),
        "families": len(set(selection.reference.families)),
        "reference_split": config.evaluate.reference_split,
        "seed": config.seed,
        "sampler": generate.sampler,
        "sampling_steps": generate.steps,
        "resolution": generate.resolution,
        "level": generate.level,
        "noise": f"training weights plus noise: the control {NOISES[0]}",
        "audit": _audited(surfaces, held_out),
    }
    if config.evaluate.deduplicate:
        said["deduplicated"] = (
            f"the {considered} of {generate.count} generated shapes whose nearest other one, in weights, is farthest: at "
            f"most {KEPT_SHARE} for each reference, as in HyperDiffusion's code"
        )
    if generate.legacy_grid:
        said["grid"] = "HyperDiffusion's sheared one"
    return said


def _audited(surfaces: Mapping[str, ShapeSet], held_out: int) -> str:
    training, unseen = surfaces[TRAINING], surfaces[HELD_OUT]
    said = (
        f"all shapes by the surfaces of their fields, as generated ones are: {len(training)} training shapes, and the "
        f"{len(unseen)} of {held_out} held-out ones whose fits are good enough to be trained on"
    )
    empty = len(training.excluded) + len(unseen.excluded)
    return said + (f"; {empty} without a surface left out" if empty else "")
