"""A search for tests of sweeps, and trials that came to something."""

from typing import Any

from hdray.config.measured import evaluation_keys
from hdray.config.search import Distribution, Search, Stop
from hdray.config.sweep import Sweep
from hdray.pipeline.storage import write_bytes
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


def measure(trial: SweepTrial, metrics: dict[str, float | None], **more: Any) -> None:
    """Leave what the job of a trial leaves that measured this at its end."""
    trial.run.begin("evaluate", evaluation_keys(trial.config), {}, "evaluations")
    trial.run.write_json({"metrics": metrics, **more}, "metrics.json")
    trial.run.finish("evaluate", 5.0, uses={})
    write_bytes(trial.run.path("report.html"), b"a page")
