"""Which split each input is in: by hash, by a file, by families or parts left out, or by folds; copies stay together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.groups import Groups
from hdray.pipeline.lists import few, read_table
from hdray.pipeline.withholding import check_withheld, split_without
from hdray.signals.split import SPLITS, deal, split_of

if TYPE_CHECKING:
    from hdray.pipeline.inputs import Input


def with_splits(config: Config, inputs: Sequence["Input"], fixed: Mapping[str, str] | None = None) -> list["Input"]:
    """The inputs, each with its split.

    `fixed` holds the splits of ids that a run has already: they never change, and what is in one group with them follows
    the first. A group is a family (a shape without one is its own), or several that `duplicate_of` connects. What is not
    used (it has a `reason`) connects nothing and follows what it is a copy of.

    Raises UserError where the split file, the families, the folds or what is withheld do not fit, or
    none is left to train on.
    """
    fixed = fixed or {}
    if config.inputs.withhold:
        decided = {item.id: split_without(config, item.source, item.id) for item in inputs}
    elif given := _split_file(config, inputs):
        decided = {item.id: given[item.source] for item in inputs}
    else:
        decided = _by_group(config, inputs, fixed)
    result = [replace(item, split=fixed.get(item.id, decided[item.id])) for item in inputs]
    if config.inputs.withhold:
        check_withheld({item.source: item.split for item in result}, config)
    if not any(item.split == "train" for item in result):
        counts = dict(Counter(item.split for item in result))
        raise UserError(
            f"none of the {len(result)} shapes is in the train split ({counts}); give more shapes, other "
            "--inputs.validation-share and --inputs.test-share, or an --inputs.split-file"
        )
    return result


def lacking(inputs: Sequence["Input"]) -> str:
    """A line on the categories of which a split has no shape, where others have one; empty where there are none."""
    used = [item for item in inputs if not item.reason]
    counts = Counter(item.category for item in used)
    present = {(item.category, item.split) for item in used}
    said = []
    for split in (name for name in SPLITS if any(item.split == name for item in used)):
        if without := [category for category in sorted(counts) if (category, split) not in present]:
            names = few([f"{category or 'without category'} ({counts[category]})" for category in without])
            said.append(f"none in {split}: {names}")
    if not said:
        return ""
    return f"categories by splits: {'; '.join(said)}; more shapes help, another --seed, or an --inputs.split-file"


def _by_group(config: Config, inputs: Sequence["Input"], fixed: Mapping[str, str]) -> dict[str, str]:
    """Split of each id, one for all of a group."""
    settings = config.inputs
    names = {item.id: item.family or item.id for item in inputs}
    used = [item for item in inputs if not item.reason]
    groups = Groups()
    for item in used:
        if item.duplicate_of:
            groups.join(names[item.id], names[item.duplicate_of])
    group_of = {item.id: groups.of(names[(item.reason and item.duplicate_of) or item.id]) for item in inputs}
    sizes = Counter(group_of[item.id] for item in used)
    held_out = {groups.of(name) for name in _test_families(config, inputs)}
    fold = _fold(config, sizes, len(set(names.values()))) if settings.folds else set()
    test_share = 0.0 if settings.folds else settings.test_share
    shares = (1 - settings.validation_share - test_share, settings.validation_share, test_share)
    splits = {group: "train" if held_out else split_of(group, config.seed, shares) for group in sizes}
    splits.update(dict.fromkeys(held_out | fold, "test"))
    splits.update({group_of[item.id]: fixed[item.id] for item in reversed(used) if item.id in fixed})
    return {item.id: splits[group_of[item.id]] for item in inputs}


def _fold(config: Config, sizes: Mapping[str, int], families: int) -> set[str]:
    """The groups of the fold that is the test split."""
    settings = config.inputs
    if settings.folds > len(sizes):
        joined = (
            f", which are {len(sizes)} once those that share copies are put together" if families > len(sizes) else ""
        )
        raise UserError(
            f"inputs.folds = {settings.folds} is more than there are families ({families}{joined}); a fold has at least "
            "one: give fewer folds, or finer families by inputs.family_pattern or inputs.family_file"
        )
    folds = deal(sizes, settings.folds, config.seed)
    return {group for group, number in folds.items() if number == settings.fold}


def _test_families(config: Config, inputs: Sequence["Input"]) -> set[str]:
    """The families that --inputs.test-families names, each of which must exist."""
    named = {name.strip() for name in config.inputs.test_families.split(",") if name.strip()}
    families = {item.family for item in inputs if item.family}
    if missing := sorted(named - families):
        known = ", ".join(sorted(families)[:20]) or "none: see inputs.family_file and inputs.family_pattern"
        raise UserError(f"inputs.test_families names {missing[0]!r}, which is no family of the data ({known})")
    return named


def _split_file(config: Config, inputs: Sequence["Input"]) -> dict[str, str]:
    """Split of each path from --inputs.split-file; empty without one."""
    url = config.inputs.split_file
    if not url:
        return {}
    table = read_table(url, "split")
    wrong = sorted(set(table.values()) - set(SPLITS))
    if wrong:
        raise UserError(f"{url} has the split {wrong[0]!r}; a split is one of {', '.join(SPLITS)}")
    missing = [item.source for item in sorted(inputs, key=lambda item: item.source) if item.source not in table]
    if missing:
        raise UserError(f"{url} gives no split for {len(missing)} of {len(inputs)} shapes, the first is {missing[0]}")
    return table
