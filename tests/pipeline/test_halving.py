"""Which trials are stopped, those of an interrupted sweep remembered. Nothing of Ray runs."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import TrialScheduler

from hdray.config.search import Stop
from hdray.pipeline.halving import LAST, NAME, STEPS, WORTH, Halving

NOBODY: Any = None


class Told(list[tuple[str, int]]):
    """What was stopped."""

    def __call__(self, name: str, steps: int) -> None:
        self.append((name, steps))


def decide(halving: Halving, name: str, steps: int, worth: float, last: bool = False) -> bool:
    """Whether a trial is let on from a rung. (Tune gives it another id each time.)"""
    trial: Any = SimpleNamespace(config={NAME: name}, trial_id=object())
    halving.on_trial_add(NOBODY, trial)
    result = {STEPS: steps, WORTH: worth, LAST: last}
    return bool(halving.on_trial_result(NOBODY, trial, result) == TrialScheduler.CONTINUE)


@given(st.lists(st.floats(-10, 0), min_size=1, max_size=12), st.integers(2, 4), st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_a_trial_goes_on_if_it_is_among_the_best_so_far(worths: list[float], reduction: int, interrupted: int) -> None:
    """Also if the sweep is killed in between: decisions are those of one that was not."""
    told, expected, rung = Told(), [], []
    halving = Halving(Stop(10, reduction), 1000, {}, told)
    seen: dict[str, list[tuple[int, float]]] = {}
    for number, worth in enumerate(worths):
        if number == interrupted:
            halving = Halving(Stop(10, reduction), 1000, seen, told)
        on = decide(halving, f"trial-{number}", 10, worth)
        assert on == (not rung or worth >= np.percentile(rung, 100 * (1 - 1 / reduction)))
        rung.append(worth)
        seen[f"trial-{number}"] = [(10, worth)]
        expected += [] if on else [(f"trial-{number}", 10)]
    assert told == expected


def test_a_trial_that_goes_on_after_a_kill_counts_once_at_each_rung() -> None:
    told = Told()
    halving = Halving(Stop(10, 2), 40, {"a": [(10, -1.0)], "b": [(10, -3.0)]}, told)
    assert decide(halving, "a", 20, -0.5)
    assert decide(halving, "c", 10, -2.0), "as good as the median of -1 and -3: a's score at 20 is not one at 10"
    assert not decide(halving, "c", 20, -0.6)
    assert told == [("c", 20)]


def test_what_ends_by_itself_is_not_called_stopped() -> None:
    told = Told()
    halving = Halving(Stop(10, 2), 40, {"a": [(10, -1.0), (20, -1.0)]}, told)
    assert not decide(halving, "b", 40, -9.0, last=True)
    assert not told
