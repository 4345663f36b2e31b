"""Where the trials of a sweep stand: leaderboard.csv and report.html, made anew whenever the sweep's command ends."""

import datetime
from collections.abc import Sequence

import numpy as np

from hdray.config.sweep import Sweep, trial_name, trial_url
from hdray.pipeline.field import initialisation_url, shared_entries
from hdray.pipeline.instances import instances_table, read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import read_initialisation
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.sweep_table import rank_by
from hdray.pipeline.trials import SweepTrial
from hdray.report.leaderboard import Status, Trial, columns, leaderboard_csv, ranked
from hdray.report.sweep import SweepData, sweep_page

STAGES = ("fit", "train", "generate", "evaluate", "report")
SHEET = "samples.png"


def standings(trials: Sequence[SweepTrial]) -> list[Trial]:
    """What each trial has come to."""
    return [_standing(one) for one in trials]


def write_standings(sweep: Sweep, run_url: str, trials: Sequence[Trial]) -> None:
    """Write both files."""
    run, order, metrics = RunDirectory(run_url), rank_by(sweep), columns(sweep.metrics)
    write_bytes(run.path("leaderboard.csv"), leaderboard_csv(trials, order, metrics).encode())
    page = SweepData(
        title=sweep.title,
        run=run_url,
        date=datetime.date.today().isoformat(),
        trials=trials,
        rank_by=order,
        metrics=metrics,
        group_by=sweep.key or None,
        sheets=_sheets(sweep, run_url, trials, order),
        measured={"preset": sweep.preset, **sweep.set},
    )
    write_bytes(run.path("report.html"), sweep_page(page).encode())


def _sheets(sweep: Sweep, run_url: str, trials: Sequence[Trial], order: str) -> dict[str, bytes]:
    """Contact sheets: of each value's first trial, or of the best that was drawn."""
    if sweep.search:
        names = {row.trial.name: row.trial.name for row in ranked(trials, order, columns(sweep.metrics))[:1]}
    else:
        names = {str(value): trial_name(sweep, value, sweep.seeds[0]) for value in sweep.values}
    runs = {title: RunDirectory(trial_url(run_url, name)) for title, name in names.items()}
    return {title: read_bytes(run.path(SHEET)) for title, run in runs.items() if run.has(SHEET)}


def _standing(one: SweepTrial) -> Trial:
    run, scores, status, error = one.run, one.scores(), one.status(), one.error()
    steps = scores[-1].steps if scores else None
    published = one.sweep.published.get(str(one.value), {})
    if status in (Status.FAILED, Status.UNFINISHED):
        said = Status.FAILED if error else status  # also of one that is to be run once more
        return Trial(name=one.name, values=one.values, status=said, steps=steps, error=error, published=published)
    found = scores[-1].metrics
    vector, shared = _sizes(run)
    records = [run.record(stage) for stage in STAGES]
    return Trial(
        name=one.name,
        values=one.values,
        status=status,
        steps=steps,
        parameters=run.read_json("metrics.json").get("cost", {}).get("parameters"),
        metrics={"iou": _iou(run, training=False)}
        | {name: found.get(name) for name in columns(one.sweep.metrics) if name != "iou"},
        published=published,
        iou_training=_iou(run, training=True),
        vector=vector,
        shared=shared,
        seconds=sum(record["seconds"] for record in records if record) or None,
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
