"""A sweep as Ray Tune trials: each a run directory of its own under <run>/trials, each resumable like any run."""

from dataclasses import replace
from typing import Any

from hdray.config.sweep import Sweep
from hdray.errors import UserError
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.standings import standings, write_standings
from hdray.pipeline.sweep_table import Result, best_first, compare
from hdray.pipeline.trial_job import JOBS, Jobs
from hdray.pipeline.trials import UNFINISHED, keep_search, known_trials
from hdray.pipeline.tuning import run_trials


def run_sweep(
    sweep: Sweep, data: str, run_url: str, together: int, gpus: float | None = None, jobs: Jobs = JOBS
) -> dict[str, Any]:
    """Run what is missing, `together` trials at a time, each on `gpus` GPUs, and return (and write) the table.

    A trial that fails is reported and does not stop the others; the same command runs it again. Beside the table there are
    leaderboard.csv and report.html, of all trials, those that failed included.

    Raises UserError where trials are missing in the end, or were made with another configuration.
    """
    options = gpu_options(gpus)
    _check_workers(sweep, gpus)
    if sweep.search:
        keep_search(sweep, run_url)
    if sweep.chooses:
        for one in known_trials(sweep, run_url, data):
            one.check_unchanged()
    failed = run_trials(sweep, run_url, data, together, options, jobs)
    trials = known_trials(sweep, run_url, data)
    rows = standings(trials, failed)
    write_standings(sweep, run_url, rows)
    lacking = [one.name for one in trials if one.status() == UNFINISHED]
    lacking += [name for name in failed if name not in lacking]
    if lacking:
        why = failed.get(lacking[0], "it did not finish")
        raise UserError(
            f"{len(lacking)} of {len(trials)} trials have no metrics, {lacking[0]} for one ({why}); "
            "the others are kept, and the same command runs the missing ones again"
        )
    if sweep.chooses:
        table = best_first(sweep, rows)
    else:
        costs = {(one.value, one.seed): one.run.read_json("metrics.json").get("cost", {}) for one in trials}
        found = {(one.value, one.seed): Result(one.metrics(), costs[one.value, one.seed]) for one in trials}
        table = compare(sweep, found)
    RunDirectory(run_url).write_json(table, "sweep.json")
    return table


def gpu_options(gpus: float | None) -> list[str]:
    """The options of a job that make a run take this many GPUs where there are any; None leaves it to the space.

    A fraction is one actor's share of one GPU; a whole number, as many actors, and training workers, with a GPU each.
    Raises UserError for any other number.
    """
    if gpus is None:
        return []
    whole = float(gpus).is_integer()
    if gpus <= 0 or (gpus > 1 and not whole):
        raise UserError(f"--gpus {gpus:g} must be a fraction of one GPU, such as 0.5, or a whole number of them")
    actors = str(max(1, int(gpus)))
    share = ["--execution.gpus", "1.0" if whole else repr(gpus)]
    return [*share, "--execution.fitting-actors", actors, "--train.workers", actors, "--shared.workers", actors]


def _check_workers(sweep: Sweep, gpus: float | None) -> None:
    """Raise UserError where a trial's batch cannot be divided among its workers."""
    if gpus is None:
        return
    workers = max(1, int(gpus))
    for value in sweep.values:
        config = sweep.config(value, sweep.seeds[0], "", next(sweep.search.corners()) if sweep.search else {})
        try:
            replace(config.train, workers=workers)
            replace(config.shared, workers=workers)
        except ValueError as error:
            raise UserError(f"--gpus {gpus:g} makes {workers} training workers of each trial: {error}") from error
