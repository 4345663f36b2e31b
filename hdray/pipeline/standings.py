"""Where the trials of a sweep stand: leaderboard.csv and report.html, made anew whenever the sweep's command ends."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from hdray.config.sweep import Sweep, trial_name, trial_url
from hdray.pipeline.field import initialisation_url, shared_entries
from hdray.pipeline.instances import instances_table, read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import read_initialisation
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.report.leaderboard import FAILED, Trial, leaderboard_csv
from hdray.report.sweep import SweepData, sweep_page

STAGES = ("fit", "train", "generate", "evaluate", "report")
SHEET = "samples.png"


def write_standings(sweep: Sweep, run_url: str, failed: Mapping[str, str]) -> None:
    """Write both files; `failed`: name of a trial to its error."""
    run = RunDirectory(run_url)
    trials = [_trial(sweep, run_url, value, seed, failed) for value, seed in sweep.trials()]
    write_bytes(run.path("leaderboard.csv"), leaderboard_csv(trials).encode())
    sheets = {}
    for value in sweep.values:
        first = RunDirectory(trial_url(run_url, trial_name(sweep, value, sweep.seeds[0])))
        if first.has(SHEET):
            sheets[str(value)] = read_bytes(first.path(SHEET))
    page = SweepData(
        title=sweep.title,
        run=run_url,
        date=datetime.date.today().isoformat(),
        trials=trials,
        group_by=sweep.key,
        sheets=sheets,
        measured={"preset": sweep.preset, **sweep.set},
    )
    write_bytes(run.path("report.html"), sweep_page(page).encode())


def _trial(sweep: Sweep, run_url: str, value: Any, seed: int, failed: Mapping[str, str]) -> Trial:
    name = trial_name(sweep, value, seed)
    run = RunDirectory(trial_url(run_url, name))
    values = {sweep.key: value, sweep.seed_key: seed}
    if name in failed:
        return Trial(name=name, values=values, status=FAILED, error=failed[name])
    if not run.has("metrics.json"):
        return Trial(name=name, values=values, status="missing")
    result = run.read_json("metrics.json")
    vector, shared = _sizes(run)
    records = [run.record(stage) for stage in STAGES]
    return Trial(
        name=name,
        values=values,
        parameters=result.get("cost", {}).get("parameters"),
        iou=_iou(run, training=False),
        iou_training=_iou(run, training=True),
        vector=vector,
        shared=shared,
        seconds=sum(record["seconds"] for record in records if record) or None,
        **{metric: result["metrics"].get(metric) for metric in ("mmd_cd", "cov_cd", "nna_cd")},
    )


def _iou(run: RunDirectory, training: bool) -> float | None:
    """Mean IoU, at uniform points, of the fits of training or of held-out shapes: what shapes share was not trained on
    the latter.
    """
    if not instances_table(run).row_files():
        return None
    rows = read_columns(run, ["split", "iou"]).to_pylist()
    found = [row["iou"] for row in rows if (row["split"] == "train") is training and row["iou"] is not None]
    return float(np.mean(found)) if found else None


def _sizes(run: RunDirectory) -> tuple[int, int] | tuple[None, None]:
    """Entries of a vector, and of the networks that all share; None where the run does not hold what tells them."""
    if not run.has("shared", "initialisation.safetensors"):
        return None, None
    start, _ = read_initialisation(initialisation_url(run))
    return start.numel(), shared_entries(run)
