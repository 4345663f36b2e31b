"""Finished runs side by side: what their vectors lose, what they know of categories, how fits from two starts agree."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hdray.config.load import from_yaml, result_keys
from hdray.config.tree import Config, ExecutionSettings, flatten
from hdray.errors import UserError
from hdray.fields.build import Representation as AnyField
from hdray.fields.cloud import PointCloud
from hdray.fields.field import DescentField, MixtureField
from hdray.fields.kind import Kind
from hdray.fields.kinds import kind_of
from hdray.metrics.classify import separation
from hdray.metrics.projection import in_the_plane
from hdray.metrics.weight_structure import basis_similarity
from hdray.pipeline.between import between, common_ends
from hdray.pipeline.categories import labelled_vectors
from hdray.pipeline.cluster import Resources, connect
from hdray.pipeline.fidelity import fidelity
from hdray.pipeline.field import entries, field_of
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.fit_stage import TRAINING_KEYS, fit_keys
from hdray.pipeline.instances import ACCEPTED, Fitted, read_columns, read_fitted
from hdray.pipeline.perturbed import perturbed_fits
from hdray.pipeline.run_directory import RunDirectory, check_place
from hdray.pipeline.sampled_again import SampledAgain
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.report.analysis import analysis_page
from hdray.report.weight_spaces import Analysis, BasisSimilarity, Perturbation, Projection, Representation
from hdray.seeds import torch_stream

NO_HELD_OUT = "the run has no held-out shapes"
EVERYTHING = ("train", "validation", "test")
EXTRACTION = ("resolution", "level", "method")
"""Keys of `generate` that surfaces of fits depend on."""


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much is measured of each run."""

    shapes: int
    """Fits of the training split, and as many of held-out shapes, that are compared with their shapes."""
    instances: int
    """Held-out shapes fitted from two starts for each of `strengths`; 0: none."""
    strengths: Sequence[float]


def analyse(runs: Mapping[str, str], out: str, amounts: Amounts, execution: ExecutionSettings) -> str:
    """Write analysis.html below `out`, anew as each representation is measured, and return its URL.

    `runs`: name of a representation to its run, whose fits are complete. Raises UserError for a run that is not there, is
    not fitted, or whose files have changed since.
    """
    place = RunDirectory(out)
    check_place(place, "--out")
    configs = measured_alike({name: _config(url) for name, url in runs.items()})
    ends = common_ends(list(configs.values()))
    resources, sampled = connect(execution), SampledAgain()
    url = place.path("analysis.html")
    found: list[Representation] = []
    for name, config in configs.items():
        print(f"== {name}", flush=True)
        found.append(_representation(name, config, amounts, ends, sampled, resources))
        # Each takes minutes: what is there can be looked at, and is not lost with what comes after it.
        write_bytes(url, _page(found, configs, amounts))
    return url


def measured_alike(configs: Mapping[str, Config]) -> dict[str, Config]:
    """The same, surfaces of all to be extracted as the first of these runs has it.

    Raises UserError naming the first run of other shapes, and the keys: their numbers would not compare.
    """
    (first, reference), *others = configs.items()
    for name, config in others:
        if differing := _differences(first, reference, name, config):
            raise UserError(
                f"--runs {first} and {name} are not of the same shapes, so that nothing about them compares: "
                f"{'; '.join(differing)}. Leave one of them out, or fit it anew like the other."
            )
    extraction = {key: getattr(reference.generate, key) for key in EXTRACTION}
    return {
        name: replace(config, generate=replace(config.generate, legacy_grid=False, **extraction))
        for name, config in configs.items()
    }


def _differences(first: str, reference: Config, name: str, config: Config) -> list[str]:
    """What the two do not agree on of which shapes there are, which of them are held out, and where they are labelled."""
    one, other = flatten(reference), flatten(config)
    keys = {key for each in (reference, config) for key in result_keys(each, "", "inputs", "signal")}
    return [
        f"{key} is {one[key]!r} in {first} and {other[key]!r} in {name}"
        for key in sorted(keys - set(TRAINING_KEYS))
        if one[key] != other[key]
    ]


def _page(representations: Sequence[Representation], configs: Mapping[str, Config], amounts: Amounts) -> bytes:
    config = next(iter(configs.values()))
    left_out = [f"{one.name}: {', '.join(one.left_out)}" for one in representations if one.left_out]
    twice = {
        one.name: 0 if one.perturbation is None else one.perturbation.similarity.shape[1] for one in representations
    }
    page = analysis_page(
        Analysis(
            title="Weight spaces",
            date=datetime.date.today().isoformat(),
            representations=representations,
            measured={
                **{one.name: configs[one.name].run for one in representations},
                "shapes": config.data or "procedural",
                "cells along an edge": config.generate.resolution,
                "level of surfaces": config.generate.level,
                "grid": config.generate.method,
                "fits compared with their shapes": f"up to {amounts.shapes} of each split, the first in order of ids",
                "Chamfer distances": "squared, in the unit box; two samples of points on one surface are apart as well",
                "PSNR": "of occupancy probabilities against 0 and 1, peak 1, at held-out points; mean over shapes",
                "left out where categories are told apart": "; ".join(left_out) or "nothing",
                "shapes fitted from two starts": ", ".join(f"{name} {count}" for name, count in twice.items()),
            },
        )
    )
    return page.encode()


def _config(url: str) -> Config:
    run = RunDirectory(url)
    try:
        record = run.record(FIT_STAGE)
        content = read_bytes(run.path("config.yaml")) if record else b""
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors
        raise UserError(f"--runs {url} cannot be read ({type(error).__name__}: {error})") from error
    if record is None or not record["complete"]:
        raise UserError(f"{url} holds no complete set of fits; run jobs/fit.py --run {url} first")
    config = replace(from_yaml(content, f"{url}/config.yaml"), run=url)
    # A kind of one's own may have become another since.
    run.check(FIT_STAGE, fit_keys(config), {}, instead="leave it out of --runs")
    return config


def _representation(
    name: str,
    config: Config,
    amounts: Amounts,
    ends: tuple[str, str] | None,
    sampled: SampledAgain,
    resources: Resources,
) -> Representation:
    run = RunDirectory(config.run)
    columns = ["source", "split", "status", "category", "iou", "near_iou", "content_hash"]
    rows = {row["id"]: row for row in read_columns(run, columns).to_pylist()}
    fitted = read_fitted(run, EVERYTHING)
    categories = [rows[one]["category"] or "" for one in fitted.ids]
    labelled = labelled_vectors([fitted], {one: row["category"] for one, row in rows.items()})
    field = field_of(config)
    held_out = [row for row in rows.values() if row["split"] != "train" and row["status"] == ACCEPTED]
    without = {} if held_out else {"fits": NO_HELD_OUT}
    perturbation: Perturbation | None = None
    if why := why_no_two_starts(kind_of(config.field.kind), field, held_out, config.fit.initialisation):
        without["starts"] = why
    elif amounts.instances:
        perturbation = perturbed_fits(config, held_out[: amounts.instances], amounts.strengths, sampled, resources)
    # Points of clouds come in no order: what lies between two of them is of any two points.
    line = between(fitted, ends, config) if ends and not isinstance(field, PointCloud) else None
    told = projection = None
    if labelled.different:
        told = separation(labelled.theta, labelled.categories, seed=config.seed)
    elif labelled.left_out:
        without["categories"] = f"no two categories remain; left out are {' and '.join(labelled.left_out)}"
    try:
        points = in_the_plane(torch.from_numpy(fitted.theta), seed=config.seed)
        projection = Projection(points=points, categories=categories)
    except UserError as error:
        without["plane"] = str(error)
    return Representation(
        name=name,
        dimension=fitted.theta.shape[1],
        shared=entries(run)[1],
        reconstruction={
            said: _reconstruction(part, rows, config, sampled, resources)
            for said, part in by_split(fitted, rows, amounts.shapes).items()
            if part.ids
        },
        separation=told,
        left_out=labelled.left_out,
        projection=projection,
        between=line,
        perturbation=perturbation,
        basis=bases_of(field),
        without=without,
    )


def why_no_two_starts(
    kind: Kind, field: AnyField, held_out: Sequence[Mapping[str, Any]], initialisation: str
) -> str | None:
    """Why fits of these shapes from two starts would tell nothing; None where they would.

    `initialisation`: the run's `fit.initialisation`.
    """
    if initialisation == "meta":
        return "its start is learned; fits from drawn ones are those of the same field with a random start"
    if not isinstance(field, DescentField):
        return "nothing descends to its vectors"
    first, second = (field.initialise(torch_stream(seed, "start")) for seed in (0, 1))
    if kind.zero_start or torch.equal(first, second):
        return "all its fits start from one vector"
    return None if held_out else NO_HELD_OUT


def by_split(fitted: Fitted, rows: Mapping[str, Mapping[str, Any]], most: int) -> dict[str, Fitted]:
    """The first `most` fits of the training split and of held-out shapes, apart: networks that are shared have seen the former
    but for those that `inputs.exclude_file` names, which need not be the same in all runs of a page.
    """
    trained = [rows[one]["split"] == "train" for one in fitted.ids]
    return {
        said: fitted.at([row for row, own in enumerate(trained) if own == wanted][:most])
        for said, wanted in (("training split", True), ("held out", False))
    }


def _reconstruction(
    fitted: Fitted,
    rows: Mapping[str, Mapping[str, Any]],
    config: Config,
    sampled: SampledAgain,
    resources: Resources,
) -> dict[str, float | None]:
    """The columns of the table of fits; means over shapes where nothing else is said."""
    found = fidelity(fitted, rows, config, sampled, resources)
    ious = {name: np.array([rows[one][name] for one in fitted.ids], np.float64) for name in ("iou", "near_iou")}
    return {
        "Shapes": len(fitted.ids),
        "Chamfer, mean": known_or_none(np.mean, found.chamfer),
        "Chamfer, median": known_or_none(np.median, found.chamfer),
        "No surface": int(np.isnan(found.chamfer).sum()),
        "IoU": known_or_none(np.mean, ious["iou"]),
        "IoU near the surface": known_or_none(np.mean, ious["near_iou"]),
        "PSNR, dB": known_or_none(np.mean, found.psnr),
        "PSNR near the surface, dB": known_or_none(np.mean, found.near_psnr),
    }


def known_or_none(statistic: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    """The statistic of the values that are not NaN; None where all are."""
    known = values[~np.isnan(values)]
    return float(statistic(known)) if len(known) else None


def bases_of(field: AnyField) -> list[BasisSimilarity]:
    """Of a mixture of networks: how alike the weights of these are, layer by layer; of other fields nothing."""
    weights = field.bases() if isinstance(field, MixtureField) else []
    return [
        BasisSimilarity(layer=str(layer), similarity=basis_similarity(weight).numpy())
        for layer, weight in enumerate(weights)
    ]
