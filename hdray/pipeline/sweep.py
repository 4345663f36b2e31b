"""A sweep as Ray Tune trials: each a run directory of its own under <run>/trials, each resumable like any run."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hdray
from hdray.config.sweep import Sweep, trial_file, trial_name, trial_url
from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.metrics.repetitions import paired_difference
from hdray.metrics.worth import worth
from hdray.pipeline.cluster import connect
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.fit_stage import fit_keys
from hdray.pipeline.other_fits import keys_of_fits
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.standings import write_standings
from hdray.pipeline.storage import read_bytes, write_bytes

JOB = (sys.executable, str(Path(hdray.__file__).parents[1] / "jobs" / "full_pipeline.py"))
TRIAL_CPUS = 0.1
"""What the trial itself asks for; the stages of its run ask for theirs."""
COSTS = ("parameters", "train_seconds")
"""What is printed beside the metrics: methods compare at equal cost or not at all."""


@dataclass(frozen=True)
class Result:
    """What a trial came to: its metrics, null where undefined, and what its generator cost."""

    metrics: dict[str, float | None]
    cost: dict[str, float]


def run_sweep(sweep: Sweep, data: str, run_url: str, together: int, job: Sequence[str] = JOB) -> dict[str, Any]:
    """Run what is missing, `together` trials at a time, and return (and write) the table.

    A trial that fails is reported and does not stop the others; the same command runs it again. Beside the table there are
    leaderboard.csv and report.html, of all trials, those that failed included.

    Raises UserError where trials are missing in the end.
    """
    run, missing = RunDirectory(run_url), []
    for trial in sweep.trials():
        file, content = f"{trial_name(sweep, *trial)}.yaml", trial_file(sweep, *trial, data)
        unchanged = run.has("trials", file) and read_bytes(run.path("trials", file)) == content
        write_bytes(run.path("trials", file), content)
        # Of a trial whose configuration is another now, its run knows what to keep and what to refuse.
        if not unchanged or _result(run_url, sweep, *trial) is None:
            missing.append(trial)
    failed = _tune(sweep, run_url, missing, together, job) if missing else {}
    write_standings(sweep, run_url, failed)
    found = {trial: _result(run_url, sweep, *trial) for trial in sweep.trials()}
    lacking = [trial_name(sweep, *trial) for trial, result in found.items() if result is None]
    lacking += [name for name in failed if name not in lacking]
    if lacking:
        why = failed.get(lacking[0], "it did not finish")
        raise UserError(
            f"{len(lacking)} of {len(found)} trials have no metrics, {lacking[0]} for one ({why}); "
            "the others are kept, and the same command runs the missing ones again"
        )
    table = compare(sweep, {trial: result for trial, result in found.items() if result is not None})
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
        command = [*job, "--config", f"{url}.yaml", "--run", url, "--store", RunDirectory(run_url).path("store")]
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
        made_with = json.dumps(keys_of_fits(fit_keys(sweep.config(*trial, ""))), sort_keys=True)
        found[trial] = first.setdefault(made_with, trial_name(sweep, *trial))
    return found


def compare(sweep: Sweep, found: dict[tuple[Any, int], Result]) -> dict[str, Any]:
    """Means over seeds of each value's metrics and costs, and each value against the first: by how much, and how surely.

    A difference is resolved when its 95 % interval (hdray.metrics.repetitions) excludes zero. A metric that one of the
    trials does not have (no sample has a surface, say) is null, and its differences unresolved.
    """
    rows: dict[str, Any] = {}
    first = sweep.values[0]
    for value in sweep.values:
        results = [found[value, seed] for seed in sweep.seeds]
        costs = {name: _mean([result.cost.get(name) for result in results]) for name in COSTS}
        row: dict[str, Any] = {"published": sweep.published.get(str(value), {}), "cost": costs}
        for metric, better in sweep.metrics.items():
            each = [result.metrics.get(metric) for result in results]
            row[metric] = {"mean": _mean(each), "seeds": each}
            if value != first:
                row[metric] |= _against([found[first, seed].metrics.get(metric) for seed in sweep.seeds], each, better)
        rows[str(value)] = row
    return {"title": sweep.title, "key": sweep.key, sweep.seed_key: list(sweep.seeds), "rows": rows}


def _against(first: Sequence[float | None], each: Sequence[float | None], better: str) -> dict[str, Any]:
    """How much better the values are than those of the first one, seed by seed."""
    values, values_of_first = ([worth(one, better) for one in some if one is not None] for some in (each, first))
    if len(values) < len(each) or len(values_of_first) < len(first):
        return {"gain": None, "gain_low": None, "gain_high": None, "verdict": "unresolved"}
    found = paired_difference(values, values_of_first)
    return {"gain": found.mean, "gain_low": found.low, "gain_high": found.high, "verdict": found.verdict}


def lines(sweep: Sweep, table: dict[str, Any]) -> list[str]:
    """The table for people, the published one beside it."""
    metrics = list(sweep.metrics)
    width = max(len(str(value)) for value in sweep.values) + 2
    said = [table["title"], f"{sweep.key}, means over {len(sweep.seeds)} seeds, published values in brackets:"]
    said.append(" " * width + "".join(f"{name:>22}" for name in (*metrics, *COSTS)))
    for value, row in table["rows"].items():
        cells = []
        for metric in metrics:
            published = row["published"].get(metric)
            beside = "" if published is None else f" [{published:g}]"
            cells.append(_number(row[metric]["mean"]) + beside)
        cells += [_number(row["cost"][name]) for name in COSTS]
        said.append(value.ljust(width) + "".join(f"{cell:>22}" for cell in cells))
    for value, row in table["rows"].items():
        for metric in metrics:
            found = row[metric]
            if "verdict" not in found:
                continue
            if found["gain"] is None:
                said.append(f"{metric}: {value} cannot be compared, some trials have no value: {found['verdict']}")
                continue
            direction = "better" if found["gain"] > 0 else "worse"
            said.append(
                f"{metric}: {value} is {direction} than {sweep.values[0]} by {abs(found['gain']):.3g} "
                f"(95 % interval of the gain {found['gain_low']:.3g} to {found['gain_high']:.3g}): {found['verdict']}"
            )
    return said


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}"


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, None where a value is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _result(run_url: str, sweep: Sweep, value: Any, seed: int) -> Result | None:
    """What a finished trial came to; None where it is not finished. Raises UserError for a metric that no run has."""
    trial = RunDirectory(trial_url(run_url, trial_name(sweep, value, seed)))
    if not trial.has("metrics.json") or not trial.has("report.html"):
        return None
    result = trial.read_json("metrics.json")
    if lacking := [name for name in sweep.metrics if name not in result["metrics"]]:
        raise UserError(
            f"{trial.url}/metrics.json has no {lacking[0]}, which the sweep compares; it has {', '.join(result['metrics'])}"
        )
    return Result(result["metrics"], result.get("cost", {}))
