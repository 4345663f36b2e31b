"""What a trial of a sweep does inside its Tune actor: fits that trials share, then its run, from rung to rung."""

import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import hdray
from hdray.pipeline.failures import failure_of, forget_failure, record_failure
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.job_log import JobFailed, run_logged
from hdray.pipeline.lease import Lease
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.trials import Score, SweepTrial

_SUBMITTED = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Where `ray job submit` tells a driver what its workers are to be given; workers do not hand it on to what they start."""


@dataclass(frozen=True)
class Jobs:
    """Commands that take the options of a job: --config and --run first."""

    pipeline: tuple[str, ...]
    """All stages of a run."""
    fit: tuple[str, ...]
    """The fits alone."""


def _job(name: str) -> tuple[str, ...]:
    return sys.executable, str(Path(hdray.__file__).parents[1] / "jobs" / name)


JOBS = Jobs(_job("full_pipeline.py"), _job("fit.py"))


@dataclass(frozen=True)
class Driver:
    """What the jobs of trials need to know of the process that the sweep's command runs in, on whatever machine they start."""

    ray_address: str
    folder: str
    """Its working directory."""
    command: str
    """A name for this time that the command is given: what fails that trials share is not tried again in it."""
    submitted: Mapping[str, str]
    """What Ray tells it of a job that was submitted: the folder uploaded with it, for one, which all its workers are given."""

    @staticmethod
    def of_this_process(ray_address: str) -> "Driver":
        """That of the process which calls this."""
        submitted = {name: value for name, value in os.environ.items() if name == _SUBMITTED}
        return Driver(ray_address, os.getcwd(), uuid.uuid4().hex, submitted)

    def environment(self) -> dict[str, str]:
        """The environment of a job that a trial starts, in which Python finds whatever it finds for the trial.

        PYTHONPATH would not do: Tune has moved the trial into a folder of the sweep's, where relative entries lead to
        nothing, and the driver's folder, which Ray lets workers import from, is in `sys.path` alone.
        """
        # Into a file Python prints by blocks, and errors at once: the log would not be in the order of what happened.
        own = {"RAY_ADDRESS": self.ray_address, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **self.submitted, **own}

    def folder_here(self) -> str | None:
        """The working directory of such a job: Ray puts it on the path of the job's own workers. None where this machine
        does not have it.
        """
        return self.folder if os.path.isdir(self.folder) else None


@dataclass(frozen=True)
class TrialJob:
    """A trial and how its jobs are started."""

    one: SweepTrial
    jobs: Jobs
    options: tuple[str, ...]
    """For every job."""
    driver: Driver
    fits: str | None
    """The hash of the fits that it shares with other trials; None where it has its own."""

    def carry_out(self) -> None:
        """Run to each rung that the trial has not passed yet, keep what it scores there, and report it to Tune.

        Tune ends the actor in `report` where it stops the trial. Raises UserError where drawn values do not go together,
        JobFailed where a job fails.
        """
        from ray import tune

        from hdray.pipeline.halving import LAST, STEPS, WORTH

        one, rungs = self.one, self.one.rungs()
        fits = self._shared_fits()
        for steps in rungs:
            score, last = one.score(steps) if one.sweep.chooses else None, steps == rungs[-1]
            if score and score.passed:
                continue
            if score is None:
                pause = [] if last else ["--execution.pause-at", str(steps)]
                self._run(self.jobs.pipeline, one.run.url, *fits, *pause)
                score = Score(steps, one.metrics(), passed=last)
                one.succeed()
                if one.sweep.chooses:
                    one.record(score)
            worth = {WORTH: one.worth(score.metrics), STEPS: steps, LAST: last} if one.sweep.chooses else {}
            tune.report({**{name: value for name, value in score.metrics.items() if value is not None}, **worth})
            if not last:
                one.record(replace(score, passed=True))

    def _shared_fits(self) -> list[str]:
        """The option that says where the fits are which this trial shares with others; it makes them if it is the first."""
        one = self.one
        if self.fits is None or one.run.record(FIT_STAGE):
            return []
        fits = RunDirectory(RunDirectory(one.sweep_url).path("fits", self.fits))
        with Lease(RunDirectory(fits.path("claim")), patient=True):
            if not (fits.record(FIT_STAGE) or {}).get("complete"):
                self._fit(fits)
        return ["--fits", fits.url]

    def _fit(self, fits: RunDirectory) -> None:
        """Make the fits, unless another trial of this command has failed to: they would fail once for each trial."""
        if failure := failure_of(fits, self.driver.command):
            raise JobFailed(f"the fits that it shares with other trials failed: {failure.error}")
        try:
            self._run(self.jobs.fit, fits.url)
        except JobFailed as error:
            record_failure(fits, self.driver.command, str(error))
            raise
        forget_failure(fits)

    def _run(self, job: Sequence[str], url: str, *more: str) -> None:
        """A job in a process of its own: one that dies takes nothing with it. Its log is kept in the trial's run."""
        with Lease(RunDirectory(url), patient=True):
            pass  # a job of a sweep that was killed lives a few seconds longer, and another one would be refused
        self.one.begin()  # success takes the file away
        store = RunDirectory(self.one.sweep_url).path("store")
        command = [*job, "--config", self.one.begun_file, "--run", url, "--store", store, *self.options, *more]
        run_logged(command, self.driver.environment(), self.one.log_file, self.driver.folder_here())
