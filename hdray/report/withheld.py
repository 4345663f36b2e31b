"""The combination of parts that a run withheld from training: what is counted, in words, and the samples that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hdray.metrics.generalisation import verdict
from hdray.report.data import GeneratedShape
from hdray.report.gallery import picture_address

MOST_PICTURED = 32


@dataclass(frozen=True)
class Share:
    """A row of the table: a share in per cent, its 95 % interval, how many of how many, and what it is of."""

    name: str
    share: str
    interval: str
    counted: str
    meaning: str


@dataclass(frozen=True)
class WithheldView:
    """What the page shows; `pictures` are addresses of images with the names of their samples."""

    combination: str
    verdict: str
    shares: tuple[Share, ...]
    pictures: tuple[tuple[str, str], ...]
    shown: str


def withheld_view(result: Mapping[str, Any], showing: Sequence[GeneratedShape], up: str) -> WithheldView:
    """From the evaluation's result and the samples that show the combination."""
    said = result["combination"]
    rows = [
        _share(
            "Samples that show it", result["share"], "Read off the surfaces of generated shapes; empty ones do not."
        ),
        _share("All chairs", result["population"], "The truth. What a generator of all chairs would reach."),
        _share(
            "Chairs trained on, by mistake",
            result["false_positives"],
            "None has it: what the recogniser takes for it on their fitted fields. The samples' share must exceed this.",
        ),
        *(
            [
                _share(
                    "Averages of two of them",
                    result["mixtures"],
                    "Mixtures of vectors, which generalise nothing. The samples' share must exceed this as well.",
                )
            ]
            if result["mixtures"]
            else []
        ),
        _share(
            "Chairs withheld, recognised",
            result["recognised"],
            "All have it: read off their fitted fields. The most that could be counted among samples.",
        ),
    ]
    for part, of in result["parts"].items():
        rows += [
            _share(f"Samples that show {part}", of["samples"], "With or without the rest of the combination."),
            _share(f"Chairs trained on that have {part}", of["training"], "The truth."),
        ]
        for kind, on, meaning in (
            ("fields", "fields", "The recogniser on fitted fields."),
            ("surfaces", "meshes", "The recogniser on the chairs themselves."),
        ):
            rows += [
                _share(f"Right about {part}, on {on} {trained}", of[f"accuracy_{kind}_{name}"], meaning)
                for name, trained in (("training", "trained on"), ("withheld", "withheld"))
            ]
    pictures = tuple((picture_address(shape, up), shape.id) for shape in showing[:MOST_PICTURED])
    amount = (
        f"The first {len(pictures)} of the {len(showing)}" if len(pictures) < len(showing) else f"The {len(showing)}"
    )
    shown = f"{amount} samples that the recogniser says show {said}: see whether they do." if showing else ""
    return WithheldView(said, verdict(result), tuple(rows), pictures, shown)


def _share(name: str, counted: Mapping[str, float], meaning: str) -> Share:
    return Share(
        name,
        f"{100 * counted['share']:.1f} %",
        f"{100 * counted['low']:.1f} to {100 * counted['high']:.1f}",
        f"{counted['count']} of {counted['total']}",
        meaning,
    )
