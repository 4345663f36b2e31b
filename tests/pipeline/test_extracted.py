import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hdray.config.tree import Config
from hdray.pipeline import extracted as module
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.extracted import extracted
from hdray.pipeline.run_directory import RunDirectory
from tests.pipeline.ellipsoids import POINTS, config, fields, radii

RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)
DRAWS = [["a x", "b y"], ["a y"], ["a z"]]


def run_of(folder: Path, start: float = 0.0) -> Config:
    """A run whose vectors start at such a vector, with a store beside it."""
    (folder / "run" / "shared").mkdir(parents=True, exist_ok=True)
    save_file({"theta": torch.full((3,), start)}, folder / "run" / "shared" / "initialisation.safetensors")
    return replace(config(folder / "run"), store=str(folder / "store"))


def clouds_of(vectors: np.ndarray, draws: list[list[str]], config: Config) -> list[Any]:
    """What is extracted, in order of the vectors."""
    found = dict(extracted(vectors, draws, config, RESOURCES, Clock()))
    return [found[row] for row in range(len(vectors))]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many vectors each call extracts that finds nothing in the store; here, without Ray."""
    made: list[int] = []

    def alone(vectors: np.ndarray, draws: list[list[str]], config: Config, resources: Resources) -> Any:
        made.append(len(vectors))
        return enumerate(module._extract(vectors, draws, config))

    monkeypatch.setattr(module, "_extracted", alone)
    return made


def test_runs_of_a_store_extract_the_same_fields_once(tmp_path: Path, calls: list[int]) -> None:
    vectors = fields(radii(3, 0)).numpy()
    vectors[1] = -4.0  # outside everywhere
    first = run_of(tmp_path)
    found = [clouds_of(vectors, DRAWS, first) for _ in range(2)]
    other = replace(first, run=str(tmp_path / "other"), train=replace(first.train, steps=7))
    (tmp_path / "run").rename(tmp_path / "other")
    found.append(clouds_of(vectors, DRAWS, other))
    assert calls == [3]
    assert "below the level" in found[0][1]
    for again in found[1:]:
        assert again[1] == found[0][1]
        for row in (0, 2):
            assert len(again[row]) == len(DRAWS[row]) and again[row][0].shape == (POINTS, 3)
            np.testing.assert_array_equal(again[row], found[0][row])


def test_whoever_comes_first_is_not_charged_for_what_the_others_use(tmp_path: Path, calls: list[int]) -> None:
    vectors, first = fields(radii(3, 0)).numpy(), run_of(tmp_path)
    used = []
    for _ in range(2):
        clock = Clock()
        begin = time.monotonic()
        dict(extracted(vectors, DRAWS, first, RESOURCES, clock))
        took = time.monotonic() - begin
        ((stage, url),) = clock.uses.items()
        record = RunDirectory(url).record(stage) or {}
        used.append((url, record["seconds"]))
        assert record["complete"] and clock.seconds < max(took - record["seconds"], 0.1)
    assert used[0] == used[1] and used[0][1] > 0 and calls == [3]
    alone = Clock()
    dict(extracted(vectors, DRAWS, replace(first, store=""), RESOURCES, alone))
    assert alone.uses == {}, "its own work, where there is no store"


def test_what_could_give_other_surfaces_is_extracted_anew(tmp_path: Path, calls: list[int]) -> None:
    vectors, first = fields(radii(3, 0)).numpy(), run_of(tmp_path)
    clouds_of(vectors, DRAWS, first)
    clouds_of(vectors, DRAWS, replace(first, generate=replace(first.generate, resolution=20)))
    clouds_of(vectors, DRAWS, replace(first, seed=1))
    clouds_of(vectors, [["a x", "b x"], *DRAWS[1:]], first)
    clouds_of(vectors * np.float32(1.01), DRAWS, first)
    clouds_of(vectors, DRAWS, run_of(tmp_path, start=1.0))
    assert calls == [3] * 6
    clouds_of(vectors, DRAWS, replace(first, store=""))
    assert calls == [3] * 7, "without a store nothing is kept"
