"""What a partial run lacks: which stage has not run, and the command that runs it."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class MissingStage:
    """One gap on the page."""

    sentence: str
    command: str


_STAGES = {
    "inputs": ("No shape has been read yet: the fitting stage has not run.", "fit"),
    "fits": ("No shape has been fitted yet: the fitting stage has not run.", "fit"),
    "training": ("There is no loss curve: the training stage has not run.", "train"),
    "generated": ("There are no generated shapes: the generating stage has not run.", "generate"),
    "denoising": ("No sample was followed along its denoising steps: the generating stage has not run.", "generate"),
    "metrics": ("There are no metrics: the evaluation has not run.", "evaluate"),
    "audit": ("Nearest training shapes have not been measured: the evaluation has not run.", "evaluate"),
}


def missing_stages(run: str) -> dict[str, MissingStage]:
    """By section: the sentence and the command for the run at this location (a run knows its own configuration)."""
    where = shlex.quote(run)
    return {
        section: MissingStage(sentence, f"python jobs/{job}.py --run {where}\npython jobs/report.py --run {where}")
        for section, (sentence, job) in _STAGES.items()
    }
