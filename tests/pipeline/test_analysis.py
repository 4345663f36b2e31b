"""What the analysis of finished runs compares, and what it makes of unknown values. The whole job is in tests/jobs."""

import numpy as np

from hdray.pipeline.analysis import by_split, known_or_none
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
