"""What the numbers say, in sentences: the fits, the metrics and what good values would be, the memorisation audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hdray.metrics.intervals import interval_words
from hdray.report.data import NearestDistances

_NEAR = 0.05  # the held-out quantile that marks "unusually near"
_LEAN = 0.15  # share of unusually near shapes from which on it is no longer chance (two standard errors at 64 are 0.05)


@dataclass(frozen=True)
class Metric:
    """A metric for a reader: its value, which values are good, and what it measures."""

    name: str
    value: str
    interval: str
    """95 % of what, and from where to where; empty where it is not known."""
    good: str
    meaning: str


_METRICS = {
    "mmd_cd": (
        "Minimum matching distance (MMD)",
        "Lower is better. It depends on scale, point count and squaring: compare it only under the same protocol.",
        "Mean over held-out shapes of the Chamfer distance to the nearest generated shape: fidelity.",
    ),
    "cov_cd": (
        "Coverage (COV)",
        "Higher is better, 1 at most. Two samples of real shapes of equal size do not reach 1 either.",
        "Share of held-out shapes that are the nearest one of some generated shape: diversity.",
    ),
    "nna_cd": (
        "1-nearest-neighbour accuracy (1-NNA)",
        "The nearer to 0.5 the better. 1 means that generated and real are told apart every time; below 0.5 points to "
        "copies of the shapes compared with.",
        "How often a shape's nearest neighbour among generated and held-out shapes is of its own kind.",
    ),
    "one_body": (
        "In one body",
        "Higher is better, 1 at most, where real shapes are in one piece.",
        "Share of generated shapes (in every frame of an animation) with a single connected piece of at least 1 % of the volume.",
    ),
    "reconstruction_cd": (
        "Chamfer distance of fits",
        "As low as its floor, which is that of a perfect field. It depends on scale, point count and squaring.",
        "Mean over training and held-out shapes, 64 at most (256 frames), of the distance of the surface of the fitted field from the "
        "shape's own, in the unit box.",
    ),
    "reconstruction_cd_floor": (
        "The same, floor",
        "",
        "Of two samples of one field's surface, as many points each: not 0, as points are finitely many.",
    ),
    "reconstruction_empty": ("Fits without a surface", "0", "Share of these fields, which the two means leave out."),
    "withheld_share": (
        "Show the combination withheld",
        "The share of all chairs that do, if the generator combines parts freely; above what mistakes alone would give.",
        "Share of generated shapes that show together the parts that no training shape has together.",
    ),
    "withheld_share_low": ("The same, lower end", "", "Of its 95 % Wilson interval."),
    "withheld_share_high": ("The same, upper end", "", "Of its 95 % Wilson interval."),
    "withheld_false_positives": (
        "Taken to show it by mistake",
        "0",
        "Share of training shapes, by their fitted fields, that the recogniser says show the combination.",
    ),
    "withheld_mixtures": (
        "Mixtures that show it",
        "0",
        "The same of averages of two training vectors, which show parts of both without anything new.",
    ),
    "withheld_population": (
        "Chairs that show it",
        "",
        "Share of all chairs in the run, trained on and withheld: the truth.",
    ),
    "withheld_accuracy_training": (
        "The recogniser is right",
        "1",
        "How often, on the fitted fields of training shapes, for the part of the combination that it reads worst.",
    ),
    "withheld_accuracy_withheld": (
        "The same, on what is withheld",
        "1",
        "On the fitted fields of shapes that have all of the parts.",
    ),
    "frame_step_cd_generated": (
        "Step from frame to frame, generated",
        "As large as that of held-out animations: much more is jitter, much less is standing still.",
        "Chamfer distance of neighbouring frames beyond that of two samples of one frame: 0 for what stands still.",
    ),
    "frame_step_cd_held_out": (
        "Step from frame to frame, held out",
        "",
        "The same of animations that no training has seen.",
    ),
    "frame_step_ratio": (
        "Step, generated over held out",
        "Near 1. Above 1.5 is jitter, near 0 standing still.",
        "How much more generated animations move from frame to frame than animations that no training has seen.",
    ),
}


_AUDIT_METRICS = {
    "generated": ("", "Median distance of generated shapes to the nearest training shape."),
    "held_out": ("", "Median distance of held-out shapes, by their fitted fields, to the nearest training shape."),
    "noise": ("", "Median distance of training weights plus noise to the nearest training shape."),
    "farther_than_held_out": (
        "0.5: as new as held-out shapes. Near 0: copies.",
        "How often a generated shape is farther from the training set than a held-out one.",
    ),
    "farther_than_noise": (
        "Near 1: new. 0.5: like noised copies.",
        "How often a generated shape is farther from the training set than a noised copy.",
    ),
    "copying_z": (
        "Below -1.96: copying. Above 1.96: farther from the training set than real shapes.",
        "Mann-Whitney Z of the distances of generated against those of held-out shapes.",
    ),
}


def metric_table(metrics: Mapping[str, float], intervals: Mapping[str, Mapping[str, Any]]) -> list[Metric]:
    """The known metrics first, explained; every other under its own name. `intervals` by the metrics' names."""
    known = [
        Metric(_METRICS[k][0], f"{metrics[k]:.4g}", interval_words(intervals.get(k)), *_METRICS[k][1:])
        for k in _METRICS
        if k in metrics
    ]
    return known + [_other_metric(name, value) for name, value in metrics.items() if name not in _METRICS]


def _other_metric(name: str, value: float) -> Metric:
    for space, words in (("weights", "in weights"), ("chamfer", "by Chamfer distance")):
        quantity = name.removeprefix(f"nearest_{space}_")
        if quantity != name and quantity in _AUDIT_METRICS:
            return Metric(
                f"{quantity.replace('_', ' ').capitalize()}, {words}", f"{value:.4g}", "", *_AUDIT_METRICS[quantity]
            )
    return Metric(name, f"{value:.4g}", "", "", "")


@dataclass(frozen=True)
class Copying:
    """The audit in one number, and what it means."""

    value: str
    sentence: str


_SURE = 1.96  # a standard normal is farther out in 5 % of cases


def copying(metrics: Mapping[str, float]) -> Copying | None:
    """The Mann-Whitney Z by Chamfer distance, if it is known."""
    z = metrics.get("nearest_chamfer_copying_z")
    if z is None:
        return None
    if z < -_SURE:
        verdict = "Here they do: copying."
    elif z > _SURE:
        verdict = "Here they are farther, as rough copies would be too: by this distance no copying is seen."
    else:
        verdict = "Here the difference may be chance: by this distance no copying is seen."
    in_weights = metrics.get("nearest_weights_copying_z", 0.0)
    if in_weights < -_SURE:
        verdict += f" In weights Z is {in_weights:.2f}: there they are nearer, so the model copies weights."
    return Copying(
        f"{z:.2f}",
        "Mann-Whitney Z: are generated shapes nearer to the training set, by Chamfer distance, than held-out shapes are? "
        f"Below -{_SURE} they are, by more than chance would do in one run of forty: the model copies. 0 is as near as "
        f"unseen real shapes, above {_SURE} is farther. {verdict}",
    )


def cost_sentence(cost: Mapping[str, float]) -> str:
    """What the generator took, as far as it is known: numbers are compared at equal cost, or not at all."""
    said = []
    if "parameters" in cost:
        said.append(f"{cost['parameters']:,.0f} parameters")
    if "samples_seen" in cost:
        said.append(f"{cost['samples_seen']:,.0f} training samples seen, with repetitions")
    if "train_seconds" in cost:
        said.append(f"{cost['train_seconds']:,.0f} s of training")
    return f"What the generator took: {'; '.join(said)}. Compare runs that took as much." if said else ""


_CONTROLS = {
    "real": "Real against real: training shapes themselves",
    "training": "Training vectors, by the surfaces of their fields",
    "noise-0.02": "Training vectors plus noise of 0.02",
    "noise-0.04": "Training vectors plus noise of 0.04",
    "average": "Averages of two training vectors",
    "nearest": "Between a training vector and its nearest neighbour",
    "pca-gaussian": "A Gaussian with the training vectors' mean and covariance",
    "repeated": "One training vector, repeated",
}
_COLUMNS = ("count", "empty", "mmd_cd", "cov_cd", "nna_cd", "nearest_chamfer", "copying_z")


@dataclass(frozen=True)
class ComparedSet:
    """A row of the table of controls; a value that is not known is a dash."""

    name: str
    values: tuple[str, ...]
    own: bool


def compared_sets(
    metrics: Mapping[str, float], controls: Mapping[str, Mapping[str, float]], protocol: Mapping[str, object]
) -> list[ComparedSet]:
    """The generated shapes and the controls: how many are compared, how many made are empty, MMD, COV, 1-NNA, nearest
    training distance and copying Z. The protocol holds the numbers of generated shapes.
    """
    if not controls:
        return []
    named = {"nearest_chamfer": "nearest_chamfer_generated", "copying_z": "nearest_chamfer_copying_z"}
    own: dict[str, object] = {
        column: metrics[name] for column in _COLUMNS if (name := named.get(column, column)) in metrics
    }
    own |= {column: protocol[name] for column, name in (("count", "generated"), ("empty", "empty")) if name in protocol}
    rows: list[tuple[str, Mapping[str, object], bool]] = [("Generated", own, True)]
    rows += [(_CONTROLS.get(kind, kind), row, False) for kind, row in controls.items()]
    return [
        ComparedSet(name, tuple(_cell(row[column]) if column in row else "\N{EN DASH}" for column in _COLUMNS), is_own)
        for name, row, is_own in rows
    ]


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


_NORMALISATIONS = {
    "none": "clouds as they are in the unit box",
    "std": "each cloud moved to mean 0 and divided by its standard deviation",
    "box": "each cloud scaled to its bounding box",
    "sphere": "each cloud scaled to its bounding sphere",
    "extent": "each cloud, or frame, moved to mean 0, and the largest coordinate of all its frames scaled to 0.95",
}


def protocol_sentence(protocol: Mapping[str, object]) -> str:
    """The parts of the protocol that are known, in words; the page lists all of it below."""
    said = []
    if "name" in protocol:
        said.append(f"the protocol {protocol['name']}")
    if "points" in protocol:
        said.append(f"{protocol['points']} points on each surface")
    if "normalisation" in protocol:
        said.append(_NORMALISATIONS.get(str(protocol["normalisation"]), f"normalisation {protocol['normalisation']}"))
    if "squared" in protocol:
        said.append("squared distances" if protocol["squared"] else "distances, not squared")
    if "reference_split" in protocol:
        said.append(f"compared with the {protocol['reference_split']} split, which no training has seen")
    if not said:
        return ""
    replaced = protocol.get("generated_factor", 1) != 1
    empty = "is replaced by another one" if replaced else "counts as a miss"
    return "Measured by Chamfer distance: " + "; ".join(said) + f". An empty generated shape {empty}."


@dataclass(frozen=True)
class Quantiles:
    """How well shapes were fitted on one kind of points."""

    name: str
    median: str
    fifth: str
    mean: str


def fit_table(uniform: npt.NDArray[np.float64], near: npt.NDArray[np.float64], inputs: int) -> list[Quantiles]:
    """Quantiles over the fitted shapes, and over all `inputs` with those that have no field counted as 0."""
    rows = []
    for name, values in (("near the surface", near), ("uniform in the box", uniform)):
        rows.append(_quantiles(name, values))
        if inputs > len(values):
            rows.append(_quantiles(f"{name}, all {inputs} inputs", np.pad(values, (0, inputs - len(values)))))
    return rows


def _quantiles(name: str, values: npt.NDArray[np.float64]) -> Quantiles:
    return Quantiles(name, *(f"{v:.3f}" for v in (np.median(values), np.quantile(values, _NEAR), values.mean())))


@dataclass(frozen=True)
class AuditFinding:
    """One space of the memorisation audit, judged."""

    title: str
    sentence: str


def audit_finding(distances: NearestDistances) -> AuditFinding:
    """Compare how far generated, held-out and noised shapes are from the training set, and say what follows.

    The rule: a median generated shape no farther than 95 % of the noised ones is a copy; otherwise, more than 15 % of
    generated shapes nearer than all but 5 % of held-out ones is a lean towards copies; otherwise none is seen.
    """
    generated, held_out, noise = (
        np.asarray(values, np.float64)[np.isfinite(values)]
        for values in (distances.generated, distances.held_out, distances.noise)
    )
    where = "in weights" if distances.space == "weights" else "by Chamfer distance"
    title = f"Nearest training shape {where}"
    parts = [
        f"{name} {np.median(values):.3g}"
        for name, values in (("generated", generated), ("held out", held_out), ("training weights plus noise", noise))
        if len(values)
    ]
    sentence = f"Median distance to the nearest training shape {where}: " + ", ".join(parts) + "."
    if copies := int((generated == 0).sum()):
        sentence += f" {copies} generated shapes are exact copies, at distance 0, which a logarithmic axis cannot show."
    if len(generated) == 0 or len(held_out) == 0:
        return AuditFinding(title, sentence + " Without generated and held-out shapes there is no verdict.")
    near = float(np.mean(generated < np.quantile(held_out, _NEAR)))
    sentence += (
        f" {100 * near:.0f} % of generated shapes are nearer to the training set than all but the nearest 5 %"
        " of held-out shapes; about 5 % would be expected of new shapes from the same distribution."
    )
    if len(noise) and np.median(generated) <= np.quantile(noise, 0.95):
        verdict = "Generated shapes are as near as noised copies: here the model memorises."
    elif near > _LEAN:
        verdict = "They lean towards the training set more than new shapes would: compare the nearest ones above."
    elif np.median(generated) > 2 * np.median(held_out):
        verdict = "No copying, but generated shapes are far from all real ones: new, or not yet like the training set."
    else:
        verdict = "Generated shapes keep about the distance that unseen real shapes keep: no sign of memorising here."
    return AuditFinding(title, f"{sentence} {verdict}")
