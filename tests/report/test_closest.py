"""The pairs that would show copies."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from hdray.report.closest import FILM_FRAMES, PICTURE, pair_cards, pairs_sentence
from hdray.report.data import ClosestPair, GeneratedShape, NearestDistances, ReportData, TrainingShape
from tests.signals.solids import box

AUDIT = [
    NearestDistances(space="weights", generated=np.ones(3), held_out=np.full(3, 9.0), noise=np.ones(3)),
    NearestDistances(
        space="chamfer", generated=np.ones(3), held_out=np.array([0.1, 0.2, 0.3, 0.4, np.nan]), noise=np.ones(3)
    ),
]


def data(small: float = 0.1, frames: int = 0, audit: list[NearestDistances] | None = None) -> ReportData:
    """A box of half the edge `small` beside a training one of 0.4."""
    ours, theirs = ([box((-s,) * 3, (s,) * 3)] * max(frames, 1) for s in (small, 0.4))
    moving = ({"frames": meshes} if frames else {} for meshes in (ours, theirs))
    return ReportData(
        run="r",
        preset="demo",
        date="today",
        audit=AUDIT if audit is None else audit,
        closest=[
            ClosestPair(generated=GeneratedShape(id="s", mesh=ours[0], **next(moving)), training="t", chamfer=0.25)
        ],
        training_shapes={"t": TrainingShape(name="chair.obj", mesh=theirs[0], **next(moving))},
    )


def covered(address: str) -> float:
    """The share of a picture that is not transparent."""
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert picture.size == (PICTURE, PICTURE)
    return float((np.asarray(picture)[..., 3] > 128).mean())


def test_a_pair_is_shown_at_one_scale_with_its_distance_and_how_usual_that_is() -> None:
    (card,) = pair_cards(data())
    assert (card.generated, card.training, card.distance) == ("s", "chair.obj", "Chamfer 0.25")
    assert card.beside == "nearer than 50 % of held-out shapes"
    # A quarter of the edge is a sixteenth of the picture.
    ratio = covered(card.training_pictures[0]) / covered(card.generated_pictures[0])
    assert ratio == pytest.approx(16, rel=0.15)


def test_animations_are_films() -> None:
    (card,) = pair_cards(data(frames=6))
    assert len(card.generated_pictures) == len(card.training_pictures) == FILM_FRAMES


def test_in_words() -> None:
    sentence = pairs_sentence(data())
    assert "1 of all that were generated" in sentence
    assert "Held-out shapes are 0.1 from theirs at the least and 0.25 in the median." in sentence
    assert "Held-out" not in pairs_sentence(data(audit=[]))
    assert pair_cards(data(audit=[]))[0].beside == ""
