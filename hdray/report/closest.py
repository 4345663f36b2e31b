"""The generated shapes nearest to a training shape, beside it: what copies would look like, if there are any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hdray.report.data import ClosestPair, GeneratedShape, NearestDistances, ReportData, TrainingShape
from hdray.report.gallery import data_url, portrait
from hdray.report.render import GENERATED, TRAINING, View
from hdray.signals.mesh import Mesh

PICTURE = 192  # pixels
FILM_FRAMES = 4  # pictures of each animation


@dataclass(frozen=True)
class PairCard:
    """A pair as the page shows it: pictures of both, one or a film each, at one scale."""

    generated: str
    training: str
    distance: str
    beside: str
    """How usual such a distance is of held-out shapes; empty where there are none."""
    generated_pictures: tuple[str, ...]
    training_pictures: tuple[str, ...]


def pair_cards(data: ReportData) -> list[PairCard]:
    """The closest pairs, nearest first. Raises KeyError if a training shape is not among those given."""
    held_out = _held_out(data.audit)
    return [_card(pair, data.training_shapes[pair.training], held_out, data.up) for pair in data.closest]


def pairs_sentence(data: ReportData) -> str:
    """Which pairs these are, and what held-out shapes' distances are."""
    total = len(data.closest)
    sentence = (
        f"The generated shapes nearest to a training shape, {total} of all that were generated, each beside it; "
        "both drawn at one scale from their fields."
    )
    held_out = _held_out(data.audit)
    if len(held_out):
        sentence += (
            f" Held-out shapes are {np.min(held_out):.3g} from theirs at the least and {np.median(held_out):.3g} in the "
            "median."
        )
    return sentence


def _held_out(audit: Sequence[NearestDistances]) -> npt.NDArray[np.float64]:
    """Chamfer distances (N,) of held-out shapes to their nearest training shapes."""
    found = [np.asarray(distances.held_out, np.float64) for distances in audit if distances.space == "chamfer"]
    values = np.concatenate(found) if found else np.empty(0)
    return values[np.isfinite(values)]


def _card(pair: ClosestPair, training: TrainingShape, held_out: npt.NDArray[np.float64], up: str) -> PairCard:
    ours, theirs = _film(pair.generated), _film(training)
    every = np.concatenate([mesh.vertices for mesh in (*ours, *theirs) if mesh is not None] or [np.zeros((1, 3))])
    bounds = (tuple(every.min(axis=0).tolist()), tuple(every.max(axis=0).tolist()))
    view = View(up=up)
    beside = ""
    if len(held_out):
        beside = f"nearer than {100 * np.mean(held_out > pair.chamfer):.0f} % of held-out shapes"
    return PairCard(
        generated=pair.generated.id,
        training=training.name,
        distance=f"Chamfer {pair.chamfer:.3g}",
        beside=beside,
        generated_pictures=tuple(data_url(portrait(mesh, PICTURE, GENERATED, view, bounds)) for mesh in ours),
        training_pictures=tuple(data_url(portrait(mesh, PICTURE, TRAINING, view, bounds)) for mesh in theirs),
    )


def _film(shape: GeneratedShape | TrainingShape) -> list[Mesh | None]:
    """The mesh, or a few frames of an animation, evenly from the first on."""
    if not shape.frames:
        return [shape.mesh]
    return [shape.frames[place * len(shape.frames) // FILM_FRAMES] for place in range(FILM_FRAMES)]
