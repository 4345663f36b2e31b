"""Metrics for a reader: what each is called and measures, and which values of it are good."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hdray.metrics.intervals import interval_words


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
        "Mean over held-out shapes, 64 at most (256 frames), of the distance of the surface of the fitted field from the shape's own, "
        "in the unit box.",
    ),
    "reconstruction_cd_floor": (
        "The same, floor",
        "",
        "Of two samples of one field's surface, as many points each: not 0, as points are finitely many.",
    ),
    "reconstruction_empty": ("Fits without a surface", "0", "Share of these fields, which the two means leave out."),
    "reconstruction_cd_training": (
        "Chamfer distance of fits trained on",
        "As low as its floor. Far below that of held-out shapes: what all shapes share does not serve others.",
        "The same over as many training shapes, on which networks that all share are trained, if there are any.",
    ),
    "reconstruction_cd_floor_training": ("The same, floor", "", "Of two samples of one field's surface."),
    "reconstruction_empty_training": (
        "Fits trained on without a surface",
        "0",
        "Share of these fields, which the two means leave out.",
    ),
    "categories_ari": (
        "Categories, ARI",
        "1 at most, 0 by chance.",
        "Adjusted Rand index of categories and k-means over the vectors, as many clusters; mean of ten runs.",
    ),
    "categories_nearest": (
        "Categories, 1-NN",
        "1 at most.",
        "How often the vector nearest by cosine similarity, of the four fifths that are known, is of the same category; mean of ten "
        "splits.",
    ),
    "categories_logistic": (
        "Categories, logistic",
        "1 at most.",
        "How often logistic regression on four fifths of the vectors is right of the others; mean of ten splits.",
    ),
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


def title(name: str) -> str:
    """What a reader calls a metric: its own name where nothing is known of it."""
    return _METRICS[name][0] if name in _METRICS else name


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
