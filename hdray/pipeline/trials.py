"""The trials of a sweep as its folder holds them: what each was given, how far it has come, and what it scored there.

search.json says by what trials are drawn and chosen. Below trials/, <name>.json holds the values that were drawn for a
trial, written before it starts, and <name>/ is its run. <name>.yaml is the configuration that what lies there was made
with: it is written when a job has returned with success, and until then the job reads <name>.begun.yaml. In the run,
rungs/<steps>.json has its scores, whatever is measured of it later, stopped.json after how many steps it was stopped,
failed.json how it failed, and job.log what its jobs printed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hdray.config.load import from_yaml
from hdray.config.measured import EVALUATION, evaluation_keys
from hdray.config.sweep import Sweep, trial_file, trial_name, trial_url
from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.worth import worth
from hdray.pipeline.failures import MOST, failure_of, forget_failure, record_failure
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import exists, read_bytes, remove, write_bytes
from hdray.report.leaderboard import Status

WORST = -1e9
"""What an undefined objective is worth (no sample has a surface, say), and to draws a trial that failed: finite, since it is
averaged with others.
"""


@dataclass(frozen=True)
class Score:
    """The metrics of a trial after some steps of training."""

    steps: int
    metrics: Mapping[str, float | None]
    passed: bool
    """Whether the trial was let on from there."""


@dataclass(frozen=True)
class SweepTrial:
    """One trial of a sweep."""

    sweep: Sweep
    sweep_url: str
    data: str
    name: str
    value: Any
    seed: int
    drawn: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> RunDirectory:
        """Its run directory."""
        return RunDirectory(trial_url(self.sweep_url, self.name))

    @property
    def values(self) -> dict[str, Any]:
        """What it was given, by searched key."""
        varied = {self.sweep.key: self.value} if self.sweep.key else {}
        return {**varied, **self.drawn, self.sweep.seed_key: self.seed}

    @property
    def file(self) -> str:
        """Where the configuration lies that its results were made with."""
        return f"{self.run.url}.yaml"

    @property
    def begun_file(self) -> str:
        """Where a job finds its configuration."""
        return f"{self.run.url}.begun.yaml"

    @property
    def log_file(self) -> str:
        """Where all is kept that its jobs print, that of fits included which it makes for others too."""
        return self.run.path("job.log")

    @cached_property
    def config(self) -> Config:
        """Its configuration. Raises UserError where drawn values do not go together."""
        return self.sweep.config(self.value, self.seed, self.data, self.drawn)

    @cached_property
    def made_with(self) -> str:
        """A hash of what it is given, and asked for: of values that do not go together too."""
        given = self.sweep.given(self.value, self.seed, self.data, self.drawn)
        return content_hash(json.dumps([given, list(self.sweep.metrics)], sort_keys=True))

    def begin(self) -> None:
        """Write its configuration for a job. What was made with another one counts no longer."""
        write_bytes(self.begun_file, trial_file(self.sweep, self.value, self.seed, self.data, self.drawn))
        if not self.unchanged():
            remove(self.file)

    def succeed(self) -> None:
        """A job has returned with success: what lies in the run was made with its configuration."""
        write_bytes(self.file, trial_file(self.sweep, self.value, self.seed, self.data, self.drawn))
        remove(self.begun_file)
        forget_failure(self.run)

    def fail(self, error: str) -> None:
        """Keep that it failed, and how."""
        record_failure(self.run, self.made_with, error)

    def error(self) -> str:
        """Why it failed; empty where it did not."""
        failure = failure_of(self.run, self.made_with)
        return self.refusal() or (failure.error if failure else "")

    def refusal(self) -> str:
        """Why its configuration is not accepted (drawn values may not go together); empty where it is."""
        try:
            _ = self.config
        except UserError as error:
            return str(error)
        return ""

    def unchanged(self) -> bool:
        """Whether its configuration is what its results were made with, if there are any."""
        return not exists(self.file) or from_yaml(read_bytes(self.file), self.file) == self.config

    def check_unchanged(self) -> None:
        """Raise UserError naming the keys that are not what they were: its scores would not compare."""
        if self.unchanged():
            return
        was, now = flatten(from_yaml(read_bytes(self.file), self.file)), flatten(self.config)
        changes = [f"{key} was {was[key]!r} and is now {now[key]!r}" for key in now if was[key] != now[key]]
        raise UserError(
            f"{self.sweep_url} holds trials of another configuration, {self.name} for one: {'; '.join(changes)}. Their "
            "scores do not compare with new ones; give the former values, or another --run."
        )

    def rungs(self) -> list[int]:
        """The steps of training after which it is scored, the last being all of them."""
        steps = self.config.train.steps
        return self.sweep.stop.rungs(steps) if self.sweep.stop else [steps]

    def score(self, steps: int) -> Score | None:
        """What it scored at a rung; None where it has not come to it."""
        if not self.run.has("rungs", f"{steps}.json"):
            return None
        return Score(**self.run.read_json("rungs", f"{steps}.json"))

    def record(self, score: Score) -> None:
        """Keep a score."""
        self.run.write_json(vars(score), "rungs", f"{score.steps}.json")

    def scores(self) -> list[Score]:
        """What it scored at the rungs that it has come to; of a sweep that does not choose, at the end."""
        if self.refusal() or not exists(self.file) or not self.unchanged():
            return []
        if self.sweep.chooses:
            found = [self.score(steps) for steps in self.rungs()]
            return [score for score in found if score]
        if not self.run.has("metrics.json") or not self.run.has("report.html"):
            return []
        found = self.run.read_json("metrics.json")["metrics"]
        # What was measured otherwise, or before the space compared another metric, is measured anew.
        measured = self._measured_as_asked() and found.keys() >= set(self.sweep.metrics)
        return [Score(self.config.train.steps, found, True)] if measured else []

    def _measured_as_asked(self) -> bool:
        """Whether the run was evaluated last as this trial is, and to the end: jobs/evaluate.py takes other settings too."""
        record, asked = self.run.record(EVALUATION), evaluation_keys(self.config)
        # Names of metrics apart: a later version has more.
        if record is None or not record["complete"]:
            return False
        return bool({**record["keys"], "metrics": asked["metrics"]} == asked)

    def status(self, known: list[Score] | None = None) -> Status:
        """How far it has come. What failed once is unfinished: it is run once more. `known`: its scores, where they are."""
        failure = failure_of(self.run, self.made_with)
        if self.refusal() or (failure and failure.times >= MOST):
            return Status.FAILED
        if self.run.has("stopped.json"):
            return Status.STOPPED
        scores = self.scores() if known is None else known
        return Status.FINISHED if scores and scores[-1].steps == self.rungs()[-1] else Status.UNFINISHED

    def worth(self, metrics: Mapping[str, float | None]) -> float:
        """The objective of these metrics, turned so that larger is better."""
        found = metrics[self.sweep.objective]
        return WORST if found is None else worth(found, self.sweep.metrics[self.sweep.objective])

    def metrics(self) -> dict[str, float | None]:
        """What its run measured last. Raises UserError where the sweep compares something that no run has."""
        found: dict[str, float | None] = self.run.read_json("metrics.json")["metrics"]
        if lacking := [name for name in self.sweep.metrics if name not in found]:
            raise UserError(
                f"{self.run.url}/metrics.json has no {lacking[0]}, which the sweep compares; it has {', '.join(found)}"
            )
        return found


def record_stop(sweep_url: str, name: str, steps: int) -> None:
    """Keep that a trial is not worth going on with after these steps."""
    RunDirectory(trial_url(sweep_url, name)).write_json({"steps": steps}, "stopped.json")


def known_trials(sweep: Sweep, sweep_url: str, data: str) -> list[SweepTrial]:
    """All trials of a sweep that draws nothing; those that are drawn already of one that does."""
    if sweep.search is None:
        return [
            SweepTrial(sweep, sweep_url, data, trial_name(sweep, value, seed), value, seed)
            for value, seed in sweep.trials()
        ]
    found: list[SweepTrial] = []
    while RunDirectory(sweep_url).has("trials", f"{drawn_name(len(found))}.json"):
        found.append(named_trial(sweep, sweep_url, data, drawn_name(len(found))))
    return found


def named_trial(sweep: Sweep, sweep_url: str, data: str, name: str) -> SweepTrial:
    """The trial of this name, which is known."""
    if sweep.search is None:
        return next(one for one in known_trials(sweep, sweep_url, data) if one.name == name)
    return SweepTrial(sweep, sweep_url, data, name, **RunDirectory(sweep_url).read_json("trials", f"{name}.json"))


def drawn_name(number: int) -> str:
    """The folder of the trial that was drawn after `number` others."""
    return f"trial-{number:05d}"


def record_draw(sweep: Sweep, sweep_url: str, number: int, point: Mapping[str, Any]) -> str:
    """Keep what was drawn after `number` others, the value of `sweep.key` among it; the trial's name."""
    drawn = dict(point)
    value = drawn.pop(sweep.key) if sweep.key else None
    seed = sweep.seeds[number % len(sweep.seeds)]
    content = {"value": value, "seed": seed, "drawn": drawn}
    RunDirectory(sweep_url).write_json(content, "trials", f"{drawn_name(number)}.json")
    return drawn_name(number)
