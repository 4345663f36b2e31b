"""Failures of trials under Ray Tune, kept when they happen: a sweep that is killed later knows of them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback

from hdray.pipeline.halving import NAME

_OURS = re.compile(r"hdray\.[\w.]+: ")
"""The type of an error of hdray's own, before a message that needs none: it says all, and for people."""


class TuneFailures(Callback):
    """Tells the name of each trial that fails, and the last line of its error."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self.tell = tell

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has failed, by an exception or because its actor died."""
        # What Tune has just written on this machine; `trial.get_error` reads the sweep's folder, where it comes later.
        last = Path(trial.error_file).read_text().strip().splitlines()[-1]
        self.tell(trial.config[NAME], _OURS.sub("", last, count=1) if _OURS.match(last) else last)
