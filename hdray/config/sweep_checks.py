"""Every mistake in a sweep that can be known before anything runs: what would not be heeded, cannot be named, or is refused."""

import difflib
from collections.abc import Mapping
from typing import Any

from hdray.config.measured import measured
from hdray.config.sweep import LONGEST_NAME, Sweep, trial_name
from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.names import METRIC_NAMES

_PLACES = ("data", "run", "fits", "store", "config")  # said by the command line, or by the sweep for each trial

_SEED_KEYS = ("seed", "fit.seed", "generator.seed")


def check_sweep(sweep: Sweep, where: str) -> None:
    """Raise UserError naming the file (`where`) and what is wrong with the sweep in it."""
    if strange := sweep.published.keys() - {str(value) for value in sweep.values}:
        raise UserError(
            f"{where}: published.{min(strange)} is of no value that is tried ({', '.join(map(str, sweep.values))})"
        )
    _check_seed_key(sweep, where)
    _check_given_once(sweep, where)
    _check_choosing(sweep, where)
    _check_drawn_alone(sweep, where)
    _check_no_sections(sweep, where)
    _check_names(sweep, where)
    _check_trials(sweep, where)


def _check_given_once(sweep: Sweep, where: str) -> None:
    """Raise UserError where a key is set or varied that the sweep itself gives to each trial: it would not be heeded."""
    elsewhere = {sweep.seed_key: "seeds", **dict.fromkeys(_PLACES, "the command line"), "execution.pause_at": "stop"}
    said: list[tuple[str, Mapping[str, Any]]] = [("set", sweep.set)]
    said += [(f"vary.variants.{value}", keys) for value, keys in sweep.variants.items()]
    if sweep.key and not sweep.variants:
        said.append(("vary", {sweep.key: None}))
    if sweep.search:
        said.append(("search.keys", sweep.search.keys))
    for part, keys in said:
        if twice := [key for key in keys if key in elsewhere]:
            raise UserError(f"{where}: {part} must not hold {twice[0]}, which {elsewhere[twice[0]]} gives; take it out")
    if sweep.variants and sweep.key == sweep.seed_key:
        raise UserError(f"{where}: vary.name {sweep.key} is also the key of the seeds; give the variants another name")
    if "preset" in sweep.set:
        raise UserError(f"{where}: set must not hold preset, which is a key of the space itself; take it out")
    if twice := [key for key in sweep.set if key in _given_by_all(sweep)]:
        raise UserError(
            f"{where}: set.{twice[0]} would not be heeded, as vary gives {twice[0]} to every trial; take out one of them"
        )


def check_preset_heeded(sweep: Sweep, where: str, said: str) -> None:
    """Raise UserError where the preset that `said` gives is no trial's."""
    if "preset" in _given_by_all(sweep):
        raise UserError(
            f"{where}: {said} {sweep.preset} would not be heeded, as vary gives every trial a preset of its own; leave "
            f"{said} out"
        )


def _given_by_all(sweep: Sweep) -> set[str]:
    """The keys that `vary` gives to every trial; what only some of its variants hold, others have from elsewhere."""
    if sweep.variants:
        return set.intersection(*(set(keys) for keys in sweep.variants.values()))
    return {sweep.key} if sweep.key else set()


def _check_seed_key(sweep: Sweep, where: str) -> None:
    """Raise UserError where the seeds would be given to something else, or to nothing."""
    if sweep.seed_key not in _SEED_KEYS:
        near = difflib.get_close_matches(sweep.seed_key, _SEED_KEYS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(f"{where}: seed_key {sweep.seed_key} must be one of {', '.join(_SEED_KEYS)}{hint}")


def _check_choosing(sweep: Sweep, where: str) -> None:
    """Raise UserError where it is not said by what trials are chosen, or by something that does not choose."""
    if sweep.chooses and sweep.objective not in sweep.metrics:
        named = f" = {sweep.objective}" if sweep.objective else ""
        raise UserError(
            f"{where}: objective{named} must be one of metrics ({', '.join(sweep.metrics)}): search and stop follow it"
        )
    if sweep.objective and not sweep.chooses:
        raise UserError(f"{where}: objective is what search and stop follow, and there is neither")


def _check_drawn_alone(sweep: Sweep, where: str) -> None:
    """Raise UserError where a key is drawn and given too: of two values one would not be heeded."""
    if sweep.search is None:
        return
    elsewhere = {"preset": "preset", **dict.fromkeys(sweep.set, "set")}
    if sweep.key and not sweep.variants:
        elsewhere[sweep.key] = "vary.key"
    for value, keys in sweep.variants.items():
        elsewhere |= dict.fromkeys(keys, f"vary.variants.{value}")
    if twice := sorted(sweep.search.keys.keys() & elsewhere.keys()):
        raise UserError(
            f"{where}: search.keys.{twice[0]} is not to be drawn, as {elsewhere[twice[0]]} gives it; take out one of them"
        )
    if sweep.key in sweep.search.keys:
        raise UserError(f"{where}: search.keys.{sweep.key} is also vary.name; give the variants another name")


def _check_no_sections(sweep: Sweep, where: str) -> None:
    """Raise UserError where a key lies below another one, which then is a section and has no value of its own."""
    for value in sweep.values:
        keys = sweep.given(value, 0, "", sweep.search.keys if sweep.search else None)
        for key in keys:
            sections = [key[:place] for place, letter in enumerate(key) if letter == "."]
            if above := [section for section in sections if section in keys]:
                raise UserError(
                    f"{where} gives a value to {above[0]} and to {key}, which lies in it: {above[0]} is a section or a key, "
                    "and cannot be both; take out one of them"
                )


def _check_names(sweep: Sweep, where: str) -> None:
    """Raise UserError where a trial's folder cannot be named after its value."""
    if sweep.search:
        return  # trials have numbers
    for value, seed in sweep.trials():
        name = trial_name(sweep, value, seed)
        if "/" in name or not name.isprintable():
            wrong = "which must not hold a / or what is not printed, such as the end of a line"
        elif len(name.encode()) > LONGEST_NAME:
            wrong = f"which must not be longer than {LONGEST_NAME} bytes"
        else:
            continue
        raise UserError(
            f"{where}: vary makes a trial named {name!r}, {wrong}: its folder has that name. "
            + ("Give the variants other names" if sweep.variants else f"Name the values: {_named(sweep.key)}")
        )


def _named(key: str) -> str:
    return f"vary: {{name: choice, variants: {{first: {{{key}: ...}}, second: {{{key}: ...}}}}}}"


def _check_trials(sweep: Sweep, where: str) -> None:
    """Raise UserError where a trial's configuration is not accepted, or does not suit what the sweep does with it."""
    draws = list(sweep.search.corners()) if sweep.search else [{}]
    seeds = sweep.seeds[:1] if sweep.search else sweep.seeds
    for value, seed, drawn in ((value, seed, drawn) for seed in seeds for value in sweep.values for drawn in draws):
        config = sweep.config(value, seed, "", drawn)
        flat = flatten(config)
        _check_measured(sweep, config, where)
        if sweep.key and not sweep.variants and sweep.key not in flat:
            raise UserError(f"{where}: vary.key {sweep.key} is a section, not a key")
        if sections := [key for key in drawn if key not in flat]:
            raise UserError(f"{where}: search.keys.{sections[0]} is a section, not a key")
        split = config.evaluate.reference_split
        if sweep.chooses and split != "validation":
            raise UserError(
                f"{where} chooses among trials by their scores, which must not be of the shapes that the best one is "
                f"judged by in the end: set evaluate.reference_split to validation (now {split})"
            )
        if sweep.stop and sweep.stop.grace >= config.train.steps:
            raise UserError(
                f"{where}: stop.grace = {sweep.stop.grace} must be below train.steps = {config.train.steps}: "
                "nothing would be stopped"
            )


def _check_measured(sweep: Sweep, config: Config, where: str) -> None:
    """Raise UserError where a trial of this configuration does not have one of the metrics."""
    there = measured(config, sweep.needs_data)
    for name in sweep.metrics:
        if name not in there:
            raise UserError(
                f"{where}: metrics.{name} is measured of {', of '.join(METRIC_NAMES[name])} alone, and not every trial has "
                "these; take it out"
            )
