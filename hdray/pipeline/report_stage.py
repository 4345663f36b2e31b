"""The run's page and contact sheet, from whatever its stages have made so far."""

import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

import hdray
from hdray.config.load import to_yaml
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.cluster import Resources
from hdray.pipeline.generate_stage import MODEL, Extraction, load_generator, sample_ids, samples_table
from hdray.pipeline.instances import Fitted, counts, instances_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.run_protocol import evaluation_file
from hdray.pipeline.spent import used_seconds
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.train_stage import read_loss_curve
from hdray.pipeline.training_rows import read_training
from hdray.report.data import (
    ClosestPair,
    DenoisingStep,
    GeneratedShape,
    InstanceRow,
    LossCurve,
    NearestDistances,
    Neighbour,
    ReportData,
    TrainingShape,
)
from hdray.report.page import write_report
from hdray.report.withheld import MOST_PICTURED
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import read_mesh
from hdray.surfaces.animation_file import read_frames
from hdray.surfaces.polygonise import EmptySurface

SHOWN = 24
"""Generated shapes on the page: a screenful, and a few megabytes."""
USED = {"sample": "points", "share": "networks", "extract": "surfaces"}
"""What other runs may use too, by the stage that makes it."""
ANIMATIONS_SHOWN = 8
"""Generated animations, each a mesh per frame."""
DENOISING_STEPS = 8
NEAREST_SHOWN = 2
"""Nearest training shapes by Chamfer distance beside each, before the nearest in weights."""
CLOSEST_SHOWN = 6
"""Pairs of a generated shape and its nearest training shape, the nearest of all."""
CLOSEST_ANIMATIONS_SHOWN = 4
FINEST_PREVIEW = 128
"""Cells along an edge for the meshes of training shapes and denoising steps, which are only looked at."""
FINEST_ANIMATED_PREVIEW = 64
VERSIONS = ("ray", "torch", "deepspeed", "numpy", "trimesh", "libigl")


def check_report(run: RunDirectory, config: Config, alone: bool) -> None:
    """Raise UserError where there is nothing to report."""
    if alone and not run.has("instances"):
        raise UserError(f"{run.url} holds no instances to report; run jobs/fit.py --run {run.url} first")


def run_report(run: RunDirectory, config: Config, resources: Resources) -> None:
    """Write report.html and samples.png."""
    report = write_report(report_data(run, config))
    write_bytes(run.path("report.html"), report.html.encode())
    if report.samples_png is not None:
        write_bytes(run.path("samples.png"), report.samples_png)
    print(f"{run.path('report.html')}")


def report_data(run: RunDirectory, config: Config) -> ReportData:
    """Everything that the page shows of this run."""
    rows = _instance_rows(run)
    evaluation = evaluation_file(config)
    result = run.read_json(*evaluation) if run.has(*evaluation) else {}
    neighbours = result.get("neighbours", {})
    generated, training = _generated(run, config, neighbours)
    closest = _closest(run, config, neighbours, training)
    return ReportData(
        run=run.url,
        preset=config.preset,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        counts=result.get("counts") or counts(run, config.fit.minimum_near_iou),
        instances=rows,
        gate=config.fit.minimum_near_iou,
        loss_curve=_loss_curve(run),
        generated=generated,
        training_shapes=training,
        denoising=_denoising(run, config),
        intervals=result.get("intervals", {}),
        metrics={name: value for name, value in result.get("metrics", {}).items() if value is not None},
        protocol=result.get("protocol", {}),
        controls={
            kind: {name: value for name, value in row.items() if value is not None}
            for kind, row in result.get("controls", {}).items()
        },
        withheld=result.get("withheld"),
        showing_withheld=_showing(run, config, result.get("withheld", {}).get("shown_by", [])),
        audit=[
            NearestDistances(space=space, **{name: np.array(values, np.float64) for name, values in kinds.items()})
            for space, kinds in result.get("audit", {}).items()
        ],
        closest=closest,
        cost=result.get("cost", {}),
        configuration=to_yaml(config).decode(),
        versions={"hdray": hdray.__version__, **{name: version(name) for name in VERSIONS}},
        hardware=_hardware(),
        seconds=_seconds(run),
        up=config.inputs.up,
    )


def _instance_rows(run: RunDirectory) -> list[InstanceRow]:
    table = instances_table(run).read(["source", "status", "reason", "split", "repairs", "iou", "near_iou"])
    if table is None:
        return []
    return [InstanceRow(**{**row, "repairs": tuple(row["repairs"] or ())}) for row in table.to_pylist()]


def _loss_curve(run: RunDirectory) -> LossCurve | None:
    curve = read_loss_curve(run)
    if not curve:
        return None
    return LossCurve(
        steps=np.array([int(point["step"]) for point in curve]), loss=np.array([point["loss"] for point in curve])
    )


def _generated(
    run: RunDirectory, config: Config, neighbours_of: dict[str, list[dict[str, Any]]]
) -> tuple[list[GeneratedShape], dict[str, TrainingShape]]:
    """The first generated shapes with their neighbours, and the training shapes that these are."""
    table = samples_table(run).read(["mesh"])
    if table is None:
        return [], {}
    files = dict(zip(table["id"].to_pylist(), table["mesh"].to_pylist(), strict=True))
    names = [name for name in sample_ids(config) if name in files]
    names = names[: ANIMATIONS_SHOWN if config.signal.frames else SHOWN]
    neighbours = {
        name: [
            Neighbour(**near)
            for near in neighbours_of.get(name, ())
            if near["chamfer_rank"] <= NEAREST_SHOWN or near.get("weights_rank") == 1
        ]
        for name in names
    }
    wanted = {near.id for nears in neighbours.values() for near in nears}
    training: dict[str, TrainingShape] = {}
    if wanted:
        fitted = read_training(run, config)
        training = {key: _training_shape(fitted, key, config) for key in sorted(wanted)}
    generated = []
    for name in names:
        meshes = _sample_meshes(run, files[name], config)
        generated.append(GeneratedShape(id=name, neighbours=tuple(neighbours[name]), **_shown(meshes)))
    return generated, training


def closest_names(neighbours_of: dict[str, list[dict[str, Any]]], count: int) -> list[tuple[float, str, str]]:
    """The `count` generated shapes nearest to a training shape by Chamfer distance, of all: distance, name, its id."""
    nearest = [
        (near["chamfer"], name, near["id"])
        for name, nears in neighbours_of.items()
        for near in nears
        if near["chamfer_rank"] == 1 and near["chamfer"] is not None
    ]
    return sorted(nearest)[:count]


def _closest(
    run: RunDirectory,
    config: Config,
    neighbours_of: dict[str, list[dict[str, Any]]],
    training: dict[str, TrainingShape],
) -> list[ClosestPair]:
    """The pairs nearest to each other; `training` gains the shapes that it lacks."""
    count = CLOSEST_ANIMATIONS_SHOWN if config.signal.frames else CLOSEST_SHOWN
    table = samples_table(run).read(["mesh"])
    if table is None or not (found := closest_names(neighbours_of, count)):
        return []
    files = dict(zip(table["id"].to_pylist(), table["mesh"].to_pylist(), strict=True))
    found = [pair for pair in found if pair[1] in files]
    if lacking := {key for _, _, key in found} - training.keys():
        fitted = read_training(run, config)
        training |= {key: _training_shape(fitted, key, config) for key in sorted(lacking)}
    return [
        ClosestPair(
            generated=GeneratedShape(id=name, **_shown(_sample_meshes(run, files[name], config))),
            training=key,
            chamfer=distance,
        )
        for distance, name, key in found
    ]


def _showing(run: RunDirectory, config: Config, names: Sequence[str]) -> list[GeneratedShape]:
    """The samples of these names, with their meshes where they will be pictured."""
    table = samples_table(run).read(["mesh"]) if names else None
    if table is None:
        return []
    files = dict(zip(table["id"].to_pylist(), table["mesh"].to_pylist(), strict=True))
    meshes = [_sample_meshes(run, files[name], config) for name in names[:MOST_PICTURED]]
    pictured = [
        GeneratedShape(id=name, **_shown(found)) for name, found in zip(names[:MOST_PICTURED], meshes, strict=True)
    ]
    return pictured + [GeneratedShape(id=name, mesh=None) for name in names[MOST_PICTURED:]]


def _shown(meshes: Sequence[Mesh]) -> dict[str, Any]:
    """What the page knows of a shape: its mesh, or all frames of an animation; nothing of an empty one."""
    return {"mesh": meshes[0] if meshes else None, "frames": meshes if len(meshes) > 1 else ()}


def _sample_meshes(run: RunDirectory, file: str | None, config: Config) -> Sequence[Mesh]:
    """A generated mesh, or an animation's frames, as written; none where the surface was empty."""
    if file is None:
        return ()
    content = read_bytes(run.path("samples", *file.split("/")))
    return read_frames(content) if config.signal.frames else [read_mesh(content, f".{file.rpartition('.')[2]}")]


def _training_shape(fitted: Fitted, key: str, config: Config) -> TrainingShape:
    index = fitted.ids.index(key)
    return TrainingShape(name=fitted.sources[index], **_shown(preview(fitted.theta[index], config, 0.5)))


def preview(theta: np.ndarray, config: Config, level: float, finest: int = FINEST_PREVIEW) -> Sequence[Mesh]:
    """The mesh of a vector (D,), or its frames; none where its surface is empty. `finest`: most cells along an edge."""
    finest = min(finest, FINEST_ANIMATED_PREVIEW) if config.signal.frames else finest
    coarse = replace(
        config.generate,
        resolution=min(config.generate.resolution, finest),
        level=level,
        method="coarse-to-fine",
        legacy_grid=False,
    )
    found = Extraction(replace(config, generate=coarse)).meshes(torch.from_numpy(theta.copy()))
    return () if isinstance(found, EmptySurface) else found


def _denoising(run: RunDirectory, config: Config) -> list[DenoisingStep]:
    """How the first sample comes about."""
    if not run.has(*MODEL):
        return []
    alone = replace(config.generate, batch_size=1)
    vectors = load_generator(run, config).trajectory(
        sample_ids(config)[0], config.generator_seed, alone, DENOISING_STEPS
    )
    steps = config.generate.steps if config.generate.sampler == "ddim" else config.generator.timesteps
    moments = np.linspace(1, steps, len(vectors)).round().astype(int)
    return [
        DenoisingStep(
            label=f"step {moment} of {steps}",
            mesh=next(iter(preview(vector.numpy(), config, config.generate.level)), None),
        )
        for moment, vector in zip(moments, vectors, strict=True)
    ]


def _hardware() -> dict[str, str]:
    """The machine that wrote the report."""
    hardware = {"cores": str(os.cpu_count()), "machine": platform.machine(), "system": platform.system()}
    if torch.cuda.is_available():
        hardware["GPU"] = f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return hardware


def _seconds(run: RunDirectory) -> dict[str, float]:
    """Wall time of each finished stage, and of what made something that other runs may use too, without attempts that were
    killed.
    """
    records = {stage: run.record(stage) for stage in ("fit", "train", "generate", "evaluate")}
    own = {stage: record["seconds"] for stage, record in records.items() if record and record["complete"]}
    used = {f"{USED[stage]} (shared)": seconds for (stage, _), seconds in (used_seconds(run) or {}).items()}
    return {**own, **used}
