"""What every settings class shares: frozen, typed, checked when built, each key *result* or *execution*.

A settings class is a frozen keyword-only dataclass with a docstring under each field (the command line's help). Keys
are result keys unless marked `execution()`: changing a result key changes what a run produces, so a run whose outputs
exist refuses it; an execution key (actors, workers, limits) may always change.
"""

from collections.abc import Collection
from dataclasses import field
from typing import Any

# Read by pydantic when it validates a plain dataclass: unknown keys are errors. (A dict: pydantic need not be there.)
STRICT = {"extra": "forbid"}


def execution(default: Any) -> Any:
    """A field that says how a run is carried out, never what it produces."""
    return field(default=default, metadata={"execution": True})


def later(default: Any) -> Any:
    """A result key that came after the first runs: at its default it is left out of what stages record, as in those."""
    return field(default=default, metadata={"later": True})


def check(name: str, value: Any, accepted: bool, right: str) -> None:
    """Raise ValueError naming the field, the value it got and what would be right, unless `accepted`."""
    if not accepted:
        raise ValueError(f"{name} = {value!r} is not accepted; it must be {right}")


def check_positive(settings: Any, *names: str) -> None:
    """Each named field of `settings` must be greater than zero."""
    for name in names:
        value = getattr(settings, name)
        check(name, value, value > 0, "greater than 0")


def check_choice(settings: Any, name: str, choices: Collection[str]) -> None:
    """The named field of `settings` must be one of `choices`."""
    value = getattr(settings, name)
    check(name, value, value in choices, "one of " + ", ".join(choices))
