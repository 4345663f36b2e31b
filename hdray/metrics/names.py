"""The metrics of a run's evaluation by the names that they have in metrics.json, and what a run must have for each."""

ANIMATIONS = "animations (signal.frames is set)"
FIELDS = "fields (any field.kind but points)"
CATEGORIES = "shapes that may be of several categories (procedural ones of two or more, or data, which needs_data: true promises)"
WITHHELD = "parts withheld from training (inputs.withhold is set)"

_OF_FITS = ("cd", "cd_floor", "empty")
_OF_NEAREST = ("generated", "held_out", "noise", "farther_than_held_out", "farther_than_noise", "copying_z")
_OF_WITHHELD = (
    "share",
    "share_low",
    "share_high",
    "false_positives",
    "population",
    "accuracy_training",
    "accuracy_withheld",
)

OF_CATEGORIES = ("categories_ari", "categories_nearest", "categories_logistic")

METRIC_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("mmd_cd", "cov_cd", "nna_cd", "one_body"), ()),
    **dict.fromkeys((f"frame_step_{name}" for name in ("cd_generated", "cd_held_out", "ratio")), (ANIMATIONS,)),
    **dict.fromkeys((f"reconstruction_{name}" for name in _OF_FITS), (FIELDS,)),
    **dict.fromkeys((f"reconstruction_{name}_training" for name in _OF_FITS), (FIELDS,)),
    **dict.fromkeys(OF_CATEGORIES, (FIELDS, CATEGORIES)),
    **dict.fromkeys((f"nearest_weights_{name}" for name in _OF_NEAREST), (FIELDS,)),
    **dict.fromkeys((f"nearest_chamfer_{name}" for name in _OF_NEAREST), ()),
    **dict.fromkeys((f"withheld_{name}" for name in _OF_WITHHELD), (WITHHELD,)),
    "withheld_mixtures": (WITHHELD, FIELDS),
}
"""What each needs; nothing where every evaluation has it."""


def metric_names(*, animated: bool, cloud: bool, withheld: bool, categories: bool) -> list[str]:
    """The metrics of a run: of animations or still shapes, of clouds of points or fields, with or without parts that are
    withheld from training, and of shapes that may be of several categories or are of one.
    """
    there = {ANIMATIONS: animated, FIELDS: not cloud, WITHHELD: withheld, CATEGORIES: categories}
    return [name for name, needed in METRIC_NAMES.items() if all(there[one] for one in needed)]
