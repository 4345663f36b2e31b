"""A sweep as Ray Tune trials: each a run directory of its own under <run>/trials, each resumable like any run."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hdray
from hdray.config.sweep import Sweep, trial_file, trial_name, trial_url
from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.metrics.intervals import paired_difference
from hdray.pipeline.cluster import connect
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.fit_stage import fit_keys
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import read_bytes, write_bytes

JOB = (sys.executable, str(Path(hdray.__file__).parents[1] / "jobs" / "full_pipeline.py"))
TRIAL_CPUS = 0.1
"""What the trial itself asks for; the stages of its run ask for theirs."""


def run_sweep(sweep: Sweep, data: str, run_url: str, together: int, job: Sequence[str] = JOB) -> dict[str, Any]:
    """Run what is missing, `together` trials at a time, and return (and write) the table.

    A trial that fails is reported and does not stop the others; the same command runs it again.
    Raises UserError where trials are missing in the end.
    """
    run = RunDirectory(run_url)
    for value, seed in sweep.trials():
        content = trial_file(sweep, value, seed, data, "")
        write_bytes(run.path("trials", f"{trial_name(sweep, value, seed)}.yaml"), content)
    missing = [trial for trial in sweep.trials() if _metrics(run_url, sweep, *trial) is None]
    failed = _tune(sweep, run_url, missing, together, job) if missing else {}
    found = {trial: _metrics(run_url, sweep, *trial) for trial in sweep.trials()}
    lacking = [trial_name(sweep, *trial) for trial, metrics in found.items() if metrics is None]
    if lacking:
        why = failed.get(lacking[0], "it did not finish")
        raise UserError(
            f"{len(lacking)} of {len(found)} trials have no metrics, {lacking[0]} for one ({why}); "
            "the others are kept, and the same command runs the missing ones again"
        )
    table = compare(sweep, {trial: metrics for trial, metrics in found.items() if metrics is not None})
    run.write_json(table, "sweep.json")
    return table


def _tune(
    sweep: Sweep, run_url: str, trials: Sequence[tuple[Any, int]], together: int, job: Sequence[str]
) -> dict[str, str]:
    """Run these trials under Ray Tune; the names of those that failed, and how."""
    import ray
    from ray import tune

    connect(ExecutionSettings())
    address = ray.get_runtime_context().gcs_address
    donors = {trial_name(sweep, *one): trial_url(run_url, name) for one, name in _donors(sweep).items()}

    def trial(parameters: dict[str, Any]) -> None:
        url = trial_url(run_url, parameters["trial"])
        command = [*job, "--config", f"{url}.yaml", "--run", url]
        donor = donors[parameters["trial"]]
        if donor != url and (RunDirectory(donor).record(FIT_STAGE) or {}).get("complete"):
            command += ["--fits", donor]
        # A process of its own: a trial that dies takes nothing with it, and its log is its own.
        done = subprocess.run(command, env={**os.environ, "RAY_ADDRESS": address}, check=False)
        if done.returncode:
            raise RuntimeError(f"the job ended with exit code {done.returncode}; its log is above")
        metrics = json.loads(read_bytes(f"{url}/metrics.json"))["metrics"]
        tune.report({name: value for name, value in metrics.items() if value is not None})

    names = [trial_name(sweep, *one) for one in trials]
    results = tune.Tuner(
        tune.with_resources(trial, {"CPU": TRIAL_CPUS}),
        param_space={"trial": tune.grid_search(names)},
        tune_config=tune.TuneConfig(max_concurrent_trials=together),
        run_config=tune.RunConfig(name="tune", storage_path=run_url, verbose=1),
    ).fit()
    # In the order of the grid.
    errors = {name: results[number].error for number, name in enumerate(names)}
    return {name: str(error).strip().splitlines()[-1] for name, error in errors.items() if error}


def _donors(sweep: Sweep) -> dict[tuple[Any, int], str]:
    """Per trial the name of the first one that makes the same fits: they are taken from there once it has them."""
    first: dict[str, str] = {}
    found = {}
    for trial in sweep.trials():
        made_with = json.dumps(fit_keys(sweep.config(*trial, "", "")), sort_keys=True)
        found[trial] = first.setdefault(made_with, trial_name(sweep, *trial))
    return found


def compare(sweep: Sweep, found: dict[tuple[Any, int], dict[str, float]]) -> dict[str, Any]:
    """Means over seeds of each value's metrics, and each value against the first: by how much, and whether for sure.

    A difference is resolved when the 95 % bootstrap interval of the difference paired by seed excludes zero.
    """
    rows: dict[str, Any] = {}
    for value in sweep.values:
        row: dict[str, Any] = {"published": sweep.published.get(str(value), {})}
        for metric, better in sweep.metrics.items():
            worth = {at: [_worth(found[at, seed][metric], better) for seed in sweep.seeds] for at in sweep.values}
            each = [found[value, seed][metric] for seed in sweep.seeds]
            row[metric] = {"mean": sum(each) / len(each), "seeds": each}
            if value != sweep.values[0]:
                difference = paired_difference(worth[value], worth[sweep.values[0]], sweep.seeds)
                row[metric] |= {
                    "better_than_first": difference.interval.mean > 0,
                    "gain": difference.interval.mean,
                    "gain_low": difference.interval.low,
                    "gain_high": difference.interval.high,
                    "verdict": difference.verdict,
                }
        rows[str(value)] = row
    return {"title": sweep.title, "key": sweep.key, "seeds": list(sweep.seeds), "rows": rows}


def lines(sweep: Sweep, table: dict[str, Any]) -> list[str]:
    """The table for people, the published one beside it."""
    metrics = list(sweep.metrics)
    width = max(len(str(value)) for value in sweep.values) + 2
    said = [table["title"], f"{sweep.key}, means over {len(sweep.seeds)} seeds, published values in brackets:"]
    said.append(" " * width + "".join(f"{metric:>22}" for metric in metrics))
    for value, row in table["rows"].items():
        cells = []
        for metric in metrics:
            published = row["published"].get(metric)
            beside = "" if published is None else f" [{published:g}]"
            cells.append(f"{row[metric]['mean']:.4g}{beside}")
        said.append(value.ljust(width) + "".join(f"{cell:>22}" for cell in cells))
    for value, row in table["rows"].items():
        for metric in metrics:
            if "verdict" in row[metric]:
                found = row[metric]
                direction = "better" if found["better_than_first"] else "worse"
                said.append(
                    f"{metric}: {value} is {direction} than {sweep.values[0]} by {abs(found['gain']):.3g} "
                    f"({found['gain_low']:.3g} to {found['gain_high']:.3g}): {found['verdict']}"
                )
    return said


def _worth(value: float, better: str) -> float:
    """A number that is larger for better values."""
    return {"higher": value, "lower": -value, "half": -abs(value - 0.5)}[better]


def _metrics(run_url: str, sweep: Sweep, value: Any, seed: int) -> dict[str, float] | None:
    """The metrics of a finished trial; None where it is not finished. Raises UserError for one that lacks a metric."""
    trial = RunDirectory(trial_url(run_url, trial_name(sweep, value, seed)))
    if not trial.has("metrics.json") or not trial.has("report.html"):
        return None
    metrics: dict[str, float] = trial.read_json("metrics.json")["metrics"]
    if lacking := [name for name in sweep.metrics if metrics.get(name) is None]:
        raise UserError(f"{trial.url}/metrics.json has no value of {lacking[0]}, which the sweep compares")
    return metrics
