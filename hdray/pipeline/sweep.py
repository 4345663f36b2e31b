"""A sweep as Ray Tune trials: each a run directory of its own under <run>/trials, each resumable like any run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hdray.config.sweep import Sweep
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.choosing import keep_choosing
from hdray.pipeline.inputs import list_data
from hdray.pipeline.job import STAGES
from hdray.pipeline.lease import Lease
from hdray.pipeline.run_directory import RunDirectory, check_place
from hdray.pipeline.shares import on_gpus
from hdray.pipeline.stages import check
from hdray.pipeline.standings import standings, write_standings
from hdray.pipeline.sweep_table import Result, best_first, compare
from hdray.pipeline.trial_job import JOBS, Jobs
from hdray.pipeline.trials import SweepTrial, drawn_name, known_trials
from hdray.pipeline.tuning import run_trials
from hdray.report.leaderboard import Status


def run_sweep(
    sweep: Sweep, data: str, run_url: str, together: int, gpus: float | None = None, jobs: Jobs = JOBS
) -> dict[str, Any]:
    """Run what is missing, `together` trials at a time, and return (and write) the table.

    `gpus`: of each trial, where there are any; None shares them evenly.
    A trial that fails is reported and does not stop the others; the same command runs it again, once. Beside the table,
    which is of what finished, there are leaderboard.csv and report.html, of all trials.

    Raises UserError where trials are missing in the end, which the same command runs, or others were made otherwise.
    """
    if together < 1:
        raise UserError(f"--together {together} is not accepted; it must be 1 or more")
    if sweep.needs_data and not data:
        raise UserError(
            f"the sweep {sweep.title!r} needs --data (a folder or s3:// URL with the shapes that it is about): without, its "
            "trials would be of procedural ones, and compare with nothing"
        )
    _check_gpus(sweep, gpus)
    run = RunDirectory(run_url)
    check_place(run)
    _check_trials(sweep, run_url, data)
    with Lease(run):
        return _run_sweep(sweep, data, run_url, together, gpus, jobs)


def _run_sweep(sweep: Sweep, data: str, run_url: str, together: int, gpus: float | None, jobs: Jobs) -> dict[str, Any]:
    keep_choosing(sweep, run_url)
    if sweep.chooses:
        for one in known_trials(sweep, run_url, data):
            one.check_unchanged()
    run_trials(sweep, run_url, data, together, gpus, jobs)
    trials = known_trials(sweep, run_url, data)
    rows = standings(trials)
    write_standings(sweep, run_url, rows)
    table = best_first(sweep, rows) if sweep.chooses else compare(sweep, _results(trials))
    table["failed"] = {row.name: row.error for row in rows if row.status == Status.FAILED}
    RunDirectory(run_url).write_json(table, "sweep.json")
    if lacking := [one for one in trials if one.status() == Status.UNFINISHED]:
        why = lacking[0].error() or "it did not finish"
        raise UserError(
            f"{len(lacking)} of {len(trials)} trials have no metrics, {lacking[0].name} for one ({why}); sweep.json and "
            "report.html are of the others, and the same command runs the missing ones again"
        )
    return table


def _results(trials: Sequence[SweepTrial]) -> dict[tuple[Any, int], Result]:
    """What those that finished came to, by value and seed."""
    finished = [one for one in trials if one.status() == Status.FINISHED]
    costs = {one.name: one.run.read_json("metrics.json").get("cost", {}) for one in finished}
    return {(one.value, one.seed): Result(one.metrics(), costs[one.name]) for one in finished}


def _configs(sweep: Sweep) -> Iterator[Config]:
    """The configurations of the trials of one seed; of drawn values, the ends of their ranges."""
    for value in sweep.values:
        for drawn in sweep.search.corners() if sweep.search else [{}]:
            yield sweep.config(value, sweep.seeds[0], "", drawn)


def _check_trials(sweep: Sweep, run_url: str, data: str) -> None:
    """Raise UserError where a trial that is to run would be refused by its own job, which checks the same before it begins."""
    listing = list_data(data) if data else None
    for one in _to_run(sweep, run_url, data):
        try:
            check(STAGES, one.run, replace(one.config, run=one.run.url), listing)
        except UserError as error:
            raise UserError(f"{error} (found of the trial {one.name}; none was started)") from error


def _to_run(sweep: Sweep, run_url: str, data: str) -> Iterator[SweepTrial]:
    """The trials that are to run; of values that are still to be drawn, the ends of their ranges."""
    known = known_trials(sweep, run_url, data)
    yield from (one for one in known if one.status() == Status.UNFINISHED)
    if sweep.search and len(known) < sweep.search.trials:
        for value in sweep.values:
            for drawn in sweep.search.corners():
                yield SweepTrial(sweep, run_url, data, drawn_name(len(known)), value, sweep.seeds[0], drawn)


def _check_gpus(sweep: Sweep, gpus: float | None) -> None:
    """Raise UserError where trials cannot take so many. Whether there are any is only known when Ray has started."""
    if gpus is not None:
        for config in _configs(sweep):
            on_gpus(config, gpus)
