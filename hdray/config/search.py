"""What a sweep may say beside what it varies: keys whose values are drawn, and when a trial is not worth going on with."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hdray.errors import UserError

CHOICE = "choice"
RANGES = ("uniform", "loguniform", "int", "logint")
_WHOLE = ("int", "logint")
_LOGARITHMIC = ("loguniform", "logint")
_MOST_CORNERS = 64  # combinations of values that are tried when a space is read: a second's work


@dataclass(frozen=True)
class Distribution:
    """Where a key's values are drawn from."""

    kind: str
    """choice, or of a range: uniform, loguniform, int or logint, evenly by value or by logarithm."""
    values: tuple[Any, ...]
    """The choices, or the ends of the range, both included."""

    @property
    def is_range(self) -> bool:
        """Whether two draws are hardly ever the same."""
        return self.kind != CHOICE


@dataclass(frozen=True)
class Search:
    """Trials whose values are drawn, each draw knowing what the former ones came to."""

    trials: int
    keys: Mapping[str, Distribution]
    seed: int
    """Of the draws; not of the runs."""

    def corners(self) -> Iterator[dict[str, Any]]:
        """Draws that between them have every choice and both ends of every range, in all combinations if they are few."""
        sides = [distribution.values for distribution in self.keys.values()]
        if math.prod(len(side) for side in sides) <= _MOST_CORNERS:
            yield from (dict(zip(self.keys, corner, strict=True)) for corner in itertools.product(*sides))
            return
        for turn in range(max(len(side) for side in sides)):
            yield {key: side[turn % len(side)] for key, side in zip(self.keys, sides, strict=True)}


@dataclass(frozen=True)
class Stop:
    """Asynchronous successive halving (Li et al.: A System for Massively Parallel Hyperparameter Tuning, MLSys 2020)."""

    grace: int
    """Optimiser steps of training before a trial is scored for the first time: the paper's r."""
    reduction: int
    """One in this many trials goes on at each rung, and trains this many times as long to the next: the paper's eta."""

    def rungs(self, steps: int) -> list[int]:
        """The steps after which a trial is scored, of one that trains for `steps` in all."""
        found, rung = [], self.grace
        while rung < steps:
            found.append(rung)
            rung *= self.reduction
        return [*found, steps]


def read_search(tree: Any, where: str) -> Search:
    """The section `search` of a space. Raises UserError naming the file (`where`) and what is wrong in it."""
    said = f"{where}: search"
    if not isinstance(tree, dict) or not {"trials", "keys"} <= tree.keys() <= {"trials", "keys", "seed"}:
        raise UserError(f"{said} must hold trials and keys, and may hold seed")
    if not isinstance(tree["keys"], dict) or not tree["keys"]:
        raise UserError(
            f"{said}.keys must hold a key or more, such as train.learning_rate: {{loguniform: [1e-4, 2e-3]}}"
        )
    return Search(
        trials=_whole(tree["trials"], f"{said}.trials", 1),
        keys={str(key): _distribution(one, f"{said}.keys.{key}") for key, one in tree["keys"].items()},
        seed=_whole(tree.get("seed", 0), f"{said}.seed", 0),
    )


def read_stop(tree: Any, where: str) -> Stop:
    """The section `stop` of a space. Raises UserError naming the file (`where`) and what is wrong in it."""
    said = f"{where}: stop"
    if not isinstance(tree, dict) or tree.keys() != {"grace", "reduction"}:
        raise UserError(f"{said} must hold grace (steps of training before the first rung) and reduction (2, say)")
    return Stop(_whole(tree["grace"], f"{said}.grace", 1), _whole(tree["reduction"], f"{said}.reduction", 2))


def _distribution(tree: Any, said: str) -> Distribution:
    if not isinstance(tree, dict) or len(tree) != 1 or not set(tree) <= {CHOICE, *RANGES}:
        raise UserError(
            f"{said} = {tree!r} is not a distribution; it must be one of {{choice: [values]}}, "
            + ", ".join(f"{{{kind}: [low, high]}}" for kind in RANGES)
        )
    ((kind, values),) = tree.items()
    if kind == CHOICE:
        plain = isinstance(values, list) and all(isinstance(value, str | int | float) for value in values)
        if not plain or len(set(values)) < max(len(values), 2):
            raise UserError(f"{said}.choice = {values!r} must be a list of two different values or more")
        return Distribution(kind, tuple(values))
    numbers = _numbers(values, whole=kind in _WHOLE)
    if numbers is None or not numbers[0] < numbers[1] or (kind in _LOGARITHMIC and numbers[0] <= 0):
        positive = " above 0" if kind in _LOGARITHMIC else ""
        what = "whole numbers" if kind in _WHOLE else "numbers"
        raise UserError(f"{said}.{kind} = {values!r} must be two {what}{positive}, the lower one first")
    return Distribution(kind, numbers)


def _numbers(values: Any, whole: bool) -> tuple[Any, ...] | None:
    """Both ends of a range; None where they are none. YAML reads 1e-4, without a point, as text."""
    if not isinstance(values, list) or len(values) != 2 or any(isinstance(value, bool) for value in values):
        return None
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, found)) or (whole and not all(value.is_integer() for value in found)):
        return None
    return tuple(int(value) if whole else value for value in found)


def _whole(value: Any, said: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(f"{said} = {value!r} must be a whole number, {least} or more")
    return value
