"""A search for tests of sweeps, and trials of it that came to something."""

from hdray.config.search import Distribution, Search, Stop
from hdray.config.sweep import Sweep
from hdray.pipeline.trials import Score, SweepTrial

SEARCH = Sweep(
    title="rates",
    preset="demo",
    set={"evaluate.reference_split": "validation", "train.steps": 40},
    key="",
    values=(None,),
    seed_key="generator.seed",
    seeds=(0, 1),
    metrics={"mmd_cd": "lower"},
    published={},
    objective="mmd_cd",
    search=Search(4, {"train.learning_rate": Distribution("uniform", (0.0001, 1.0))}, 0),
    stop=Stop(10, 2),
)


def finish(trial: SweepTrial, mmd_cd: float | None) -> None:
    """Leave what a trial leaves when it has come to this."""
    trial.succeed()
    trial.record(Score(trial.rungs()[-1], {"mmd_cd": mmd_cd}, passed=True))
