import json
import math
from dataclasses import replace

import torch

from hdray.config.presets import PRESETS
from hdray.pipeline.evaluate_stage import _deduplicated, finite, neighbours
from hdray.pipeline.shapes import Shapes


def shapes(*ids: str) -> Shapes:
    return Shapes(list(ids), torch.zeros(len(ids), 1), torch.zeros(len(ids), 1, 3))


def test_neighbours_are_the_nearest_in_either_space_with_both_ranks() -> None:
    distances = {
        "chamfer": torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]]),
        "weights": torch.tensor([[0.1, 0.3, 0.2], [0.1, 0.2, 0.3]]),
    }
    found = neighbours(shapes("a", "b"), shapes("x", "y", "z"), distances, 1)
    assert [near["id"] for near in found["a"]] == ["y", "x"]
    assert [near["id"] for near in found["b"]] == ["x"]
    first = found["a"][0]
    assert (first["chamfer"], first["chamfer_rank"], first["weights_rank"]) == (1.0, 1, 3)


def test_undefined_metrics_are_null_in_json() -> None:
    text = json.dumps(finite({"mmd_cd": math.inf, "nna_cd": 0.5, "farther": math.nan}), allow_nan=False)
    assert json.loads(text) == {"mmd_cd": None, "nna_cd": 0.5, "farther": None}


def test_the_protocol_says_that_samples_were_chosen() -> None:
    config = PRESETS["demo"]()
    assert _deduplicated(config, 24) == {}
    config = replace(config, evaluate=replace(config.evaluate, deduplicate=True))
    assert "the 20 of 24 generated shapes whose nearest other one" in _deduplicated(config, 20)["deduplicated"]
