"""Where the trials of a sweep stand: leaderboard.csv and report.html, made anew whenever the sweep's command ends."""

import datetime
from collections.abc import Sequence

import numpy as np

from hdray.config.sweep import Sweep, trial_name, trial_url
from hdray.config.tree import Config, flatten
from hdray.pipeline.field import entries
from hdray.pipeline.instances import instances_schema, instances_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.run_protocol import protocol_of
from hdray.pipeline.shared import initialised
from hdray.pipeline.spent import own_seconds, used_seconds
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.sweep_table import rank_by
from hdray.pipeline.training_rows import excluded_ids
from hdray.pipeline.trials import SweepTrial
from hdray.report.leaderboard import Status, Trial, columns, leaderboard_csv, ranked
from hdray.report.sweep import SweepData, sweep_page

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
        measured=_measured(trials),
    )
    write_bytes(run.path("report.html"), sweep_page(page).encode())


def _measured(trials: Sequence[Trial]) -> dict[str, str]:
    """How trials were measured, and what they start from: each value that any of them has, as variants may set others."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        for name, value in trial.measured.items():
            found.setdefault(name, []).append(str(value))
    return {name: " or ".join(dict.fromkeys(values)) for name, values in found.items()}


def _conditions(config: Config, keys: Sequence[str]) -> dict[str, object]:
    """What a trial's metrics are of, and what it has at these `keys`."""
    protocol, settings = protocol_of(config), config.generate
    return {
        "protocol": protocol.name,
        "points of a shape": protocol.points or config.signal.surface_points,
        "compared with shapes of": config.evaluate.reference_split,
        "cells along an edge": settings.resolution,
        "level of the surface": settings.level,
        "preset": config.preset,
        **{key: value for key, value in flatten(config).items() if key in keys},
    }


def _sheets(sweep: Sweep, run_url: str, trials: Sequence[Trial], order: str) -> dict[str, bytes]:
    """Contact sheets: of each value's first trial, or of the best that was drawn."""
    if sweep.search:
        names = {row.trial.name: row.trial.name for row in ranked(trials, order, columns(sweep.metrics))[:1]}
    else:
        names = {str(value): trial_name(sweep, value, sweep.seeds[0]) for value in sweep.values}
    runs = {title: RunDirectory(trial_url(run_url, name)) for title, name in names.items()}
    return {title: read_bytes(run.path(SHEET)) for title, run in runs.items() if run.has(SHEET)}


def _standing(one: SweepTrial) -> Trial:
    run, scores, error = one.run, one.scores(), one.error()
    status = one.status(scores)
    steps = scores[-1].steps if scores else None
    published = one.sweep.published.get(str(one.value), {})
    if status in (Status.FAILED, Status.UNFINISHED):
        said = Status.FAILED if error else status  # also of one that is to be run once more
        return Trial(name=one.name, values=one.values, status=said, steps=steps, error=error, published=published)
    found = scores[-1].metrics
    held_out, training = _ious(run, one.config)
    vector, shared = entries(run) if initialised(run) else (None, None)
    return Trial(
        name=one.name,
        values=one.values,
        status=status,
        steps=steps,
        parameters=run.read_json("metrics.json").get("cost", {}).get("parameters"),
        metrics={"iou": held_out} | {name: found.get(name) for name in columns(one.sweep.metrics) if name != "iou"},
        published=published,
        iou_training=training,
        vector=vector,
        shared=shared,
        own=own_seconds(run),
        used=used_seconds(run),
        measured=_conditions(one.config, list(one.sweep.set)),
    )


def _ious(run: RunDirectory, config: Config) -> tuple[float | None, float | None]:
    """Mean IoU, at uniform points, of the fits of held-out and of training shapes: what shapes share was not trained on
    the former, but on those of the latter that it may be learned from.
    """
    excluded = excluded_ids(run, config)
    table = instances_table(run).read(["split", "iou"], instances_schema())
    rows = [row for row in table.to_pylist() if row["iou"] is not None] if table else []
    held_out = [row["iou"] for row in rows if row["split"] != "train"]
    training = [row["iou"] for row in rows if row["split"] == "train" and row["id"] not in excluded]
    return _mean(held_out), _mean(training)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
