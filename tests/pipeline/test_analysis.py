"""What the analysis of finished runs compares, and what it makes of unknown values. The whole job is in tests/jobs."""

from dataclasses import replace

import numpy as np
import pytest

from hdray.fields.kind import Domain
from hdray.fields.kinds import KINDS
from hdray.fields.mixture_bases import MixtureBases
from hdray.fields.settings import FieldSettings
from hdray.pipeline.analysis import by_split, known_or_none, why_no_two_starts
from hdray.pipeline.instances import Fitted


def test_shapes_trained_on_and_held_out_are_apart_the_first_of_each() -> None:
    splits = {"a": "train", "b": "test", "c": "train", "d": "validation", "e": "train", "f": "test"}
    theta, surface = np.arange(6.0, dtype=np.float32)[:, None], np.zeros((6, 1, 3), np.uint16)
    fitted = Fitted(list(splits), [f"{name}.obj" for name in splits], theta, surface)
    found = by_split(fitted, {name: {"split": split} for name, split in splits.items()}, 2)
    assert {said: part.ids for said, part in found.items()} == {"trained on": ["a", "c"], "held out": ["b", "d"]}
    assert found["held out"].theta.tolist() == [[1], [3]] and found["held out"].sources == ["b.obj", "d.obj"]


def test_statistics_of_what_is_known() -> None:
    values = np.array([1.0, np.nan, 2.0, 6.0])
    assert (known_or_none(np.mean, values), known_or_none(np.median, values)) == (3, 2)
    assert known_or_none(np.mean, values[1:2]) is None
    assert known_or_none(np.median, values[:0]) is None


SHAPES = [{"id": "a"}]


@pytest.mark.parametrize(
    ("kind", "held_out", "why"),
    [
        ("mlp", SHAPES, None),
        ("mlp", [], "no held-out shapes"),
        ("voxels", SHAPES, "nothing descends"),
        ("points", SHAPES, "nothing descends"),
        ("mnif", SHAPES, "start from one vector"),
    ],
)
def test_shapes_are_fitted_twice_where_that_tells_something(kind: str, held_out: list, why: str | None) -> None:
    settings = FieldSettings(kind=kind, width=16, layers=2, bases=2, context=16)
    shared = MixtureBases(settings, 3).state_dict() if kind == "mnif" else {}
    field = KINDS[kind].build(settings, shared, Domain(surface_points=8))
    found = why_no_two_starts(KINDS[kind], field, held_out, "random")
    assert found is None if why is None else found is not None and why in found
    if why is None:  # no longer, where fits do not start from what is drawn
        assert why_no_two_starts(replace(KINDS[kind], zero_start=True), field, held_out, "random") is not None
        assert why_no_two_starts(KINDS[kind], field, held_out, "meta") is not None
