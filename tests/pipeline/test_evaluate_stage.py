import json
import math
from dataclasses import replace
from pathlib import Path

import torch

from hdray.config.presets import PRESETS
from hdray.config.tree import Config
from hdray.generators.build import build_generator
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.pipeline.evaluate_stage import _deduplicated, finite, neighbours
from hdray.pipeline.field import field_of
from hdray.pipeline.report_stage import closest_names
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import Shapes
from hdray.pipeline.train_stage import generator_cost


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


def test_the_closest_pairs_are_chosen_among_all_samples() -> None:
    def near(name: str, chamfer: float, rank: int) -> dict[str, object]:
        return {"id": name, "chamfer": chamfer, "chamfer_rank": rank}

    found = {
        "a": [near("x", 0.3, 1), near("y", 0.31, 2)],
        "b": [near("y", 0.1, 1), near("z", 0.15, 2)],
        "c": [near("z", 0.9, 5), near("x", 0.2, 1)],
    }
    assert closest_names(found, 2) == [(0.1, "b", "y"), (0.2, "c", "x")]
    assert len(closest_names(found, 9)) == 3


def test_what_a_generator_took(tmp_path: Path) -> None:
    config = Config(
        generator=GeneratorSettings(width=32, layers=2, heads=4), train=TrainSettings(steps=60, batch_size=4)
    )
    run = RunDirectory(str(tmp_path))
    network = build_generator(field_of(config).layout, config.generator).network
    parameters = sum(math.prod(parameter.shape) for parameter in network.parameters())
    assert generator_cost(run, config) == {"parameters": parameters, "samples_seen": 240}
    (tmp_path / "training" / "generator").mkdir(parents=True)
    curve = "step,loss,learning_rate,seconds\n50,0.1,0.01,2.5\n60,0.1,0.01,3.25\n"
    (tmp_path / "training" / "generator" / "loss.csv").write_text(curve)
    assert generator_cost(run, config)["train_seconds"] == 3.25
