"""The run's page and contact sheet, from whatever its stages have made so far."""

import os
import platform
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
from hdray.pipeline.instances import Fitted, counts, instances_table, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.train_stage import read_loss_curve
from hdray.report.data import (
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
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import read_mesh
from hdray.surfaces.polygonise import EmptySurface

SHOWN = 24
"""Generated shapes on the page: a screenful, and a few megabytes."""
DENOISING_STEPS = 8
NEAREST_SHOWN = 2
"""Nearest training shapes by Chamfer distance beside each, before the nearest in weights."""
FINEST_PREVIEW = 128
"""Cells along an edge for the meshes of training shapes and denoising steps, which are only looked at."""
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
    evaluation = ("evaluations", f"{config.preset}.json")
    result = run.read_json(*evaluation) if run.has(*evaluation) else {}
    generated, training = _generated(run, config, result.get("neighbours", {}))
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
        metrics={name: value for name, value in result.get("metrics", {}).items() if value is not None},
        protocol=result.get("protocol", {}),
        audit=[
            NearestDistances(space=space, **{name: np.array(values) for name, values in kinds.items()})
            for space, kinds in result.get("audit", {}).items()
        ],
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
    names = [name for name in sample_ids(config) if name in files][:SHOWN]
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
        fitted = read_fitted(run, ["train"], config.fit.minimum_near_iou)
        training = {key: _training_shape(fitted, key, config) for key in sorted(wanted)}
    generated = [
        GeneratedShape(id=name, mesh=_sample_mesh(run, files[name]), neighbours=tuple(neighbours[name]))
        for name in names
    ]
    return generated, training


def _sample_mesh(run: RunDirectory, file: str | None) -> Mesh | None:
    """A generated mesh as it was written, or None where the surface was empty."""
    if file is None:
        return None
    return read_mesh(read_bytes(run.path("samples", *file.split("/"))), f".{file.rpartition('.')[2]}")


def _training_shape(fitted: Fitted, key: str, config: Config) -> TrainingShape:
    index = fitted.ids.index(key)
    mesh = _mesh(fitted.theta[index], config, 0.5)
    return TrainingShape(name=fitted.sources[index], mesh=mesh)


def _mesh(theta: np.ndarray, config: Config, level: float) -> Mesh | None:
    """The mesh of a vector (D,), or None where its surface is empty."""
    resolution = min(config.generate.resolution, FINEST_PREVIEW)
    preview = replace(config.generate, resolution=resolution, level=level, method="coarse-to-fine")
    found = Extraction(replace(config, generate=preview)).mesh(torch.from_numpy(theta.copy()))
    return None if isinstance(found, EmptySurface) else found


def _denoising(run: RunDirectory, config: Config) -> list[DenoisingStep]:
    """How the first sample comes about."""
    if not run.has(*MODEL):
        return []
    alone = replace(config.generate, batch_size=1)
    vectors = load_generator(run, config).trajectory(sample_ids(config)[0], config.seed, alone, DENOISING_STEPS)
    steps = config.generate.steps if config.generate.sampler == "ddim" else config.generator.timesteps
    moments = np.linspace(1, steps, len(vectors)).round().astype(int)
    return [
        DenoisingStep(
            label=f"step {moment} of {steps}",
            mesh=_mesh(vector.numpy(), config, config.generate.level),
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
    """Wall time of each finished stage, without attempts that were killed."""
    records = {stage: run.record(stage) for stage in ("fit", "train", "generate", "evaluate")}
    return {stage: record["seconds"] for stage, record in records.items() if record and record["complete"]}
