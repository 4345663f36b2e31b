"""Trials of a sweep under Ray Tune: each a job of its own, paused and scored at rungs where the sweep has such."""

from functools import partial
from typing import Any

from hdray.config.sweep import Sweep
from hdray.config.tree import ExecutionSettings
from hdray.pipeline.cluster import connect
from hdray.pipeline.shared_fits import fits_of_search, shared_in_grid
from hdray.pipeline.shares import TRIAL, short_of_gpus, trial_options
from hdray.pipeline.trial_job import Driver, Jobs, TrialJob
from hdray.pipeline.trials import drawn_name, known_trials, named_trial, record_stop
from hdray.report.leaderboard import Status


def run_trials(sweep: Sweep, sweep_url: str, data: str, together: int, gpus: float | None, jobs: Jobs) -> None:
    """Run what is missing of the sweep, `together` trials at a time, each on `gpus` GPUs. Those that fail say so in their runs."""
    import ray
    from ray import tune

    from hdray.pipeline.halving import NAME, Halving
    from hdray.pipeline.tune_failures import TuneFailures

    known = known_trials(sweep, sweep_url, data)
    names = [one.name for one in known if one.status() == Status.UNFINISHED]
    more = max(0, sweep.search.trials - len(known)) if sweep.search else 0
    names += [drawn_name(number) for number in range(len(known), len(known) + more)]
    if not names:
        return
    together = min(together, len(names))  # the last ones share the cluster among fewer
    connect(ExecutionSettings())
    found = ray.cluster_resources()
    driver = Driver.of_this_process(ray.get_runtime_context().gcs_address)
    cpus, cluster_gpus = max(1, int(found.get("CPU", 0))), int(found.get("GPU", 0))
    grid = {} if sweep.search else shared_in_grid(known)

    def trial(parameters: dict[str, Any]) -> None:
        one = named_trial(sweep, sweep_url, data, parameters[NAME])
        fits = fits_of_search(sweep, one.config) if sweep.search else grid.get(one.name)
        if said := short_of_gpus(one.config, gpus, cluster_gpus):
            print(said, flush=True)
        options = trial_options(one.config, together, cpus, cluster_gpus, gpus)
        TrialJob(one, jobs, tuple(options), driver, fits).carry_out()

    def failed(name: str, error: str) -> None:
        named_trial(sweep, sweep_url, data, name).fail(error)

    search, scheduler = None, None
    space: dict[str, Any] = {NAME: tune.grid_search(names)}
    if sweep.search:
        from hdray.pipeline.draws import Draws

        search, space = Draws(sweep, sweep_url, known), {}
    if sweep.stop:
        seen = {
            one.name: [
                (score.steps, one.worth(score.metrics))
                for score in one.scores()
                if score.passed or one.status() == Status.STOPPED
            ]
            for one in known
        }
        scheduler = Halving(sweep.stop, sweep.longest(), seen, partial(record_stop, sweep_url))
    tune.Tuner(
        tune.with_resources(trial, TRIAL),
        param_space=space,
        tune_config=tune.TuneConfig(
            max_concurrent_trials=together,
            num_samples=len(names) if search else 1,
            search_alg=search,
            scheduler=scheduler,
        ),
        run_config=tune.RunConfig(name="tune", storage_path=sweep_url, verbose=1, callbacks=[TuneFailures(failed)]),
    ).fit()
