"""What is drawn and when trials are stopped: reading it, and every mistake in it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.config.search import Distribution, Search, Stop
from hdray.config.sweep_file import read_sweep
from hdray.errors import UserError

GOOD = """
title: a search
set: {evaluate.reference_split: validation, train.steps: 1000, train.precision: fp32}
seeds: [0]
metrics: {mmd_cd: lower, nna_cd: half}
objective: mmd_cd
search:
  trials: 12
  keys:
    train.learning_rate: {loguniform: [1e-4, 2e-3]}
    generator.layers: {choice: [2, 4, 6]}
stop: {grace: 250, reduction: 2}
"""
VARY = "vary: {name: size, variants: {small: {generator.width: 64}, large: {generator.width: 128}}}\n"


def test_a_search_and_its_rungs(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD)
    sweep = read_sweep(str(tmp_path / "s.yaml"))
    assert sweep.search == Search(
        trials=12,
        keys={
            "train.learning_rate": Distribution("loguniform", (1e-4, 2e-3)),  # text to YAML, which wants a point in it
            "generator.layers": Distribution("choice", (2, 4, 6)),
        },
        seed=0,
    )
    assert (sweep.key, sweep.values, sweep.objective, sweep.longest()) == ("", (None,), "mmd_cd", 1000)
    assert sweep.stop is not None and sweep.stop.rungs(1000) == [250, 500, 1000]
    config = sweep.config(None, 3, "/data", {"train.learning_rate": 3e-4, "generator.layers": 6})
    assert (config.train.learning_rate, config.generator.layers, config.seed) == (3e-4, 6, 3)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("generator.layers:", "generator.width:", r"search\.keys\.generator\.width .*vary\.variants\.large gives it"),
        (
            "train.steps: 1000",
            "train.steps: 1000, generator.layers: 3",
            r"search\.keys\.generator\.layers .*set gives it",
        ),
        ("generator.layers: {choice: [2, 4, 6]}", "preset: {choice: [demo, airplanes]}", "preset gives it"),
        ("generator.layers:", "size:", r"search\.keys\.size is also vary\.name"),
        ("generator.layers:", "generator:", "gives a value to generator and to generator.width"),
    ],
)
def test_a_key_is_either_drawn_or_given(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    (tmp_path / "s.yaml").write_text(GOOD + VARY)
    assert read_sweep(str(tmp_path / "s.yaml")).values == ("small", "large")
    (tmp_path / "s.yaml").write_text(GOOD.replace(old, new) + VARY)
    with pytest.raises(UserError, match=words):
        read_sweep(str(tmp_path / "s.yaml"))


def test_a_key_that_is_varied_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD + "vary: {key: generator.layers, values: [2, 4]}\n")
    with pytest.raises(UserError, match=r"search\.keys\.generator\.layers .*vary\.key gives it"):
        read_sweep(str(tmp_path / "s.yaml"))


@given(st.integers(1, 400), st.integers(2, 5), st.integers(1, 2000))
@settings(max_examples=50, deadline=None)
def test_rungs_rise_to_the_last_step(grace: int, reduction: int, steps: int) -> None:
    rungs = Stop(grace, reduction).rungs(steps)
    assert rungs[-1] == steps and rungs == sorted(set(rungs))
    assert all(rung == grace * reduction**number for number, rung in enumerate(rungs[:-1]))


@given(st.lists(st.integers(2, 9), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_every_choice_is_tried_when_a_space_is_read(sizes: list[int]) -> None:
    keys = {str(number): Distribution("choice", tuple(range(size))) for number, size in enumerate(sizes)}
    corners = list(Search(1, keys, 0).corners())
    assert len(corners) <= 64
    for number, size in enumerate(sizes):
        assert {corner[str(number)] for corner in corners} == set(range(size))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("loguniform: [1e-4, 2e-3]", "logint: [0, 4]", "two whole numbers above 0, the lower one first"),
        ("loguniform: [1e-4, 2e-3]", "normal: [0, 1]", r"learning_rate = .*normal.* is not a distribution.*loguniform"),
        ("loguniform: [1e-4, 2e-3]", "loguniform: [0, 2e-3]", "two numbers above 0, the lower one first"),
        ("loguniform: [1e-4, 2e-3]", "uniform: [2, 1]", "two numbers, the lower one first"),
        ("loguniform: [1e-4, 2e-3]", "uniform: [low, high]", "two numbers, the lower one first"),
        ("loguniform: [1e-4, 2e-3]", "uniform: [0.1, .inf]", "two numbers, the lower one first"),
        ("choice: [2, 4, 6]", "int: [2, 4.5]", "two whole numbers"),
        ("choice: [2, 4, 6]", f"int: [2, 1{'0' * 400}]", "two whole numbers"),
        ("choice: [2, 4, 6]", "choice: [2, 2]", "two different values or more"),
        ("choice: [2, 4, 6]", "choice: 2", "two different values or more"),
        ("generator.layers", "generator.layer", r"generator\.layer, .*did you mean generator\.layers"),
        ("generator.layers: {choice: [2, 4, 6]}", "generator: {choice: [2, 4]}", "generator is a section"),
        ("choice: [2, 4, 6]", "choice: [2, 0]", r"layers = 0 is not accepted"),
        ("loguniform: [1e-4, 2e-3]", "uniform: [-1, 1]", r"learning_rate = -1.0 is not accepted"),
        ("generator.layers", "seed", r"search\.keys must not hold seed, which seeds gives"),
        ("trials: 12", "trials: none", r"search\.trials = 'none' must be a whole number, 1 or more"),
        ("trials: 12", "tries: 12", "search must hold trials and keys"),
        ("objective: mmd_cd\n", "", "objective must be one of metrics"),
        ("objective: mmd_cd", "objective: iou", r"objective = iou must be one of metrics \(mmd_cd, nna_cd\)"),
        ("reference_split: validation", "reference_split: test", "set evaluate.reference_split to validation"),
        ("grace: 250", "grace: 1000", r"stop\.grace = 1000 must be below train\.steps = 1000"),
        ("grace: 250", "grace: 2.5", r"stop\.grace = 2\.5 must be a whole number, 1 or more"),
        ("reduction: 2", "reduction: 1", r"stop\.reduction = 1 must be a whole number, 2 or more"),
        ("{grace: 250, reduction: 2}", "{rungs: [1, 2]}", "stop must hold grace"),
        ("search:\n", "stop2:\n", "stop2, which is not a key of a space; did you mean stop"),
        ("seeds: [0]", "seeds: 0", "seeds must hold a number or more"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    (tmp_path / "s.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(UserError, match=words):
        read_sweep(str(tmp_path / "s.yaml"))


def test_what_is_tried_or_drawn_must_be_said(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("title: a\nseeds: [0]\nmetrics: {mmd_cd: lower}\n")
    with pytest.raises(UserError, match=r"must hold vary .* search .* or both"):
        read_sweep(str(tmp_path / "s.yaml"))
    (tmp_path / "s.yaml").write_text("title: a\nseeds: [0]\nmetrics: {mmd_cd: lower}\nobjective: mmd_cd\n" + VARY)
    with pytest.raises(UserError, match="there is neither"):
        read_sweep(str(tmp_path / "s.yaml"))
