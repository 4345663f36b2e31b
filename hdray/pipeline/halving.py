"""Ray Tune's successive halving over trials that outlive it: known by name, with what they came to before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from hdray.config.search import Stop

STEPS, WORTH, LAST, NAME = "training_iteration", "worth", "last", "trial"
"""What a trial reports: steps of training (under Tune's own name, for its charts), the objective (larger is better) and
whether it ends there; and in its parameters, its name."""


@dataclass(frozen=True)
class _Named:
    """As much of a trial as successive halving knows of: Tune's own ids are others each time."""

    trial_id: str


class Halving(ASHAScheduler):
    """Stops a trial at a rung where it is not among the best 1/reduction of those that have come to it so far."""

    def __init__(
        self,
        stop: Stop,
        steps: int,
        seen: Mapping[str, Sequence[tuple[int, float]]],
        tell: Callable[[str, int], None],
    ) -> None:
        """`steps`: of the longest trial. `seen`: (steps, worth) by trial, of rungs decided earlier.

        `tell(name, steps)` is called before Tune stops the trial.
        """
        super().__init__(
            time_attr=STEPS,
            metric=WORTH,
            mode="max",
            max_t=steps,
            grace_period=stop.grace,
            reduction_factor=stop.reduction,
        )
        self.tell = tell
        nobody: Any = None  # the controller, which none of these asks
        for name, rungs in seen.items():
            super().on_trial_add(nobody, _named(name))
            for reached, worth in rungs:
                super().on_trial_result(nobody, _named(name), {STEPS: reached, WORTH: worth})

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial begins, or goes on."""
        super().on_trial_add(tune_controller, _named(trial.config[NAME]))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """A trial has come to a rung: whether it goes on."""
        decision: str = super().on_trial_result(tune_controller, _named(trial.config[NAME]), result)
        if decision == TrialScheduler.STOP and not result[LAST]:
            self.tell(trial.config[NAME], result[STEPS])
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended by itself."""
        super().on_trial_complete(tune_controller, _named(trial.config[NAME]), result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial has ended before it began."""
        super().on_trial_remove(tune_controller, _named(trial.config[NAME]))


def _named(name: str) -> Any:
    return _Named(name)
