"""Draws of a sweep's values by Optuna, kept before they are used: the same command goes on with them after a kill."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from ray.tune.search.optuna import OptunaSearch

from hdray.config.search import CHOICE, Distribution
from hdray.config.sweep import Sweep
from hdray.pipeline.halving import NAME, WORTH
from hdray.pipeline.trials import WORST, SweepTrial, record_draw
from hdray.report.leaderboard import Status
from hdray.seeds import seed_of


class Draws(OptunaSearch):
    """Tree-structured Parzen estimation (Bergstra et al., NeurIPS 2011) over the searched keys and the variants.

    It is told what former trials came to, and gives those that did not finish their values once more, first of all.
    """

    def __init__(self, sweep: Sweep, sweep_url: str, known: Sequence[SweepTrial]) -> None:
        """`known`: the trials that are drawn already."""
        assert sweep.search is not None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        came_to = [one.status() for one in known]
        again = [one for one, status in zip(known, came_to, strict=True) if status == Status.UNFINISHED]
        super().__init__(
            space=_space(sweep),
            metric=WORTH,
            mode="max",
            # Another stream after each interruption: from the same one the same values would come again.
            seed=seed_of(sweep.search.seed, "draws", len(known)) % 2**32,
            points_to_evaluate=[_point(one) for one in again] or None,
        )
        self.sweep, self.sweep_url = sweep, sweep_url
        self.again, self.count = [one.name for one in again], len(known)
        for one, status in zip(known, came_to, strict=True):
            if status == Status.FAILED:
                self.add_evaluated_point(_point(one), WORST)
            elif status != Status.UNFINISHED:
                self.add_evaluated_point(_point(one), one.worth(one.scores()[-1].metrics))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A trial has ended. One that failed has come to the worst: what Optuna is told has failed, it does not learn from."""
        super().on_trial_complete(trial_id, {WORTH: WORST} if error else result)

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next trial, by its name."""
        point = super().suggest(trial_id)
        if point is None:
            return None
        if self.again:  # Optuna gives the points to evaluate in their order
            return {NAME: self.again.pop(0)}
        self.count += 1
        return {NAME: record_draw(self.sweep, self.sweep_url, self.count - 1, point)}


def _space(sweep: Sweep) -> dict[str, BaseDistribution]:
    assert sweep.search is not None
    varied = {sweep.key: CategoricalDistribution(sweep.values)} if len(sweep.values) > 1 else {}
    return {**varied, **{key: _distribution(one) for key, one in sweep.search.keys.items()}}


def _distribution(one: Distribution) -> BaseDistribution:
    if one.kind == CHOICE:
        return CategoricalDistribution(one.values)
    low, high = one.values
    if one.kind in ("int", "logint"):
        return IntDistribution(low, high, log=one.kind == "logint")
    return FloatDistribution(low, high, log=one.kind == "loguniform")


def _point(one: SweepTrial) -> dict[str, Any]:
    return {**({one.sweep.key: one.value} if one.sweep.key else {}), **one.drawn}
