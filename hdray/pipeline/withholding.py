"""One combination of parts kept from training, where the truth is known: the procedural chairs.

Chairs that show all parts of the combination are the test split, alone; all others are trained on or validate. So each of
the parts, and every other pair of them, is still learned from.
"""

from collections.abc import Mapping

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.signals.chair_design import combination, parts_of
from hdray.signals.split import split_of

MOST = 0.5
"""Largest share of the chairs that may be withheld: the others are to teach every part by itself."""


def shows_withheld(config: Config, source: str) -> bool:
    """Whether the chair of this source shows the whole combination that the run withholds."""
    return combination(config.inputs.withhold) <= parts_of(config.seed, source)


def split_without(config: Config, source: str, group: str) -> str:
    """The split of a chair: test if it is withheld, otherwise train or validation by the stable hash of its group."""
    if shows_withheld(config, source):
        return "test"
    validation = config.inputs.validation_share
    return split_of(group, config.seed, (1 - validation, validation, 0.0))


def check_withheld(splits: Mapping[str, str], config: Config) -> None:
    """Raise UserError where the chairs, source to split, cannot show generalisation to the combination withheld."""
    wanted, count = combination(config.inputs.withhold), len(splits)
    withheld = sum(split == "test" for split in splits.values())
    said = f"inputs.withhold {config.inputs.withhold} withholds {withheld or 'none'} of the {count} chairs"
    if not withheld:
        raise UserError(
            f"{said}: none shows all of these parts; give more with --inputs.chairs, or withhold a combination that "
            "chairs do show, such as arms+stretchers"
        )
    if withheld > MOST * count:
        raise UserError(
            f"{said}, more than half; withhold a rarer combination, or give more chairs with --inputs.chairs"
        )
    trained = frozenset[str]().union(*(parts_of(config.seed, name) for name in splits if splits[name] == "train"))
    if never := sorted(wanted - trained):
        raise UserError(
            f"{said}, and none of those to train on shows {never[0]} by itself, so it could not be learned; give more "
            "chairs with --inputs.chairs"
        )
