"""Finished runs side by side: what their vectors lose, what they know of categories, how fits from two starts agree."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hdray.config.load import from_yaml
from hdray.config.tree import Config, ExecutionSettings
from hdray.errors import UserError
from hdray.fields.field import DescentField
from hdray.metrics.classify import separation
from hdray.metrics.projection import in_the_plane
from hdray.metrics.weight_structure import basis_similarity
from hdray.pipeline.cluster import Resources, connect
from hdray.pipeline.evaluate_stage import STAGE as EVALUATE_STAGE
from hdray.pipeline.field import field_of, initialisation_url, read_shared
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.instances import ACCEPTED, read_columns, read_fitted
from hdray.pipeline.perturbed import perturbed_fits
from hdray.pipeline.run_directory import RunDirectory, check_place
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.report.analysis import analysis_page
from hdray.report.weight_spaces import Analysis, BasisSimilarity, Perturbation, Projection, Representation

EVERYTHING = ("train", "validation", "test")


def analyse(
    runs: Mapping[str, str], out: str, instances: int, strengths: Sequence[float], execution: ExecutionSettings
) -> str:
    """Write analysis.html below `out`, and return its URL.

    Args:
        runs: name of a representation to its run, whose fits are complete.
        instances: held-out shapes fitted from two starts for each of `strengths`; 0: none.

    Raises UserError for a run that is not there, or is not fitted.
    """
    place = RunDirectory(out)
    check_place(place, "--out")
    configs = {name: _config(url) for name, url in runs.items()}
    resources = connect(execution)
    found = []
    for name, config in configs.items():
        print(f"== {name}", flush=True)
        found.append(_representation(name, config, instances, strengths, resources))
    page = analysis_page(
        Analysis(
            title="Weight spaces",
            date=datetime.date.today().isoformat(),
            representations=found,
            measured={
                **{name: config.run for name, config in configs.items()},
                "shapes fitted from two starts": instances,
            },
        )
    )
    url = place.path("analysis.html")
    write_bytes(url, page.encode())
    return url


def _config(url: str) -> Config:
    run = RunDirectory(url)
    record = run.record(FIT_STAGE)
    if record is None or not record["complete"]:
        raise UserError(f"{url} holds no complete set of fits; run jobs/fit.py --run {url} first")
    return replace(from_yaml(read_bytes(run.path("config.yaml")), f"{url}/config.yaml"), run=url)


def _representation(
    name: str, config: Config, instances: int, strengths: Sequence[float], resources: Resources
) -> Representation:
    run = RunDirectory(config.run)
    fitted = read_fitted(run, EVERYTHING)
    rows = {
        row["id"]: row
        for row in read_columns(run, ["source", "split", "status", "category", "iou", "near_iou"]).to_pylist()
    }
    categories = [rows[one]["category"] or "" for one in fitted.ids]
    theta = torch.from_numpy(fitted.theta)
    several = len(set(categories)) > 1
    field = field_of(config)
    perturbation: Perturbation | None = None
    if instances and isinstance(field, DescentField):
        held_out = [row for row in rows.values() if row["split"] != "train" and row["status"] == ACCEPTED][:instances]
        perturbation = perturbed_fits(config, held_out, strengths, resources)
    return Representation(
        name=name,
        dimension=theta.shape[1],
        reconstruction=_reconstruction(run, [rows[one] for one in fitted.ids]),
        separation=separation(theta, categories, seed=config.seed) if several else None,
        projection=Projection(points=in_the_plane(theta, seed=config.seed), categories=categories),
        perturbation=perturbation,
        basis=_bases(config),
    )


def _reconstruction(run: RunDirectory, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Means over shapes trained on and held out apart, as networks that are shared have seen the former."""
    found: dict[str, float | None] = {}
    for label, chosen in (
        ("trained on", [row for row in rows if row["split"] == "train"]),
        ("held out", [row for row in rows if row["split"] != "train"]),
    ):
        for key, title in (("iou", "IoU"), ("near_iou", "IoU near the surface")):
            values = [row[key] for row in chosen if row[key] is not None]
            found[f"{title}, {label}"] = float(np.mean(values)) if values else None
    if run.record(EVALUATE_STAGE):
        metrics = run.read_json("metrics.json")["metrics"]
        found["Chamfer distance"] = metrics.get("reconstruction_cd")
    shared = read_shared(initialisation_url(run))
    found["weights shared by all"] = float(sum(tensor.numel() for tensor in shared.values()))
    return found


def _bases(config: Config) -> list[BasisSimilarity]:
    """Of what has bases: how alike the weights of the basis networks are, a layer at a time."""
    shared = read_shared(initialisation_url(RunDirectory(config.run)))
    names = sorted(name for name in shared if name.startswith("bases.") and name.endswith(".weight"))
    return [
        BasisSimilarity(layer=name.split(".")[1], similarity=basis_similarity(shared[name]).numpy()) for name in names
    ]
