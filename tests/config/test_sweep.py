"""Files of sweeps."""

from pathlib import Path

import pytest

from hdray.config.presets import PRESETS
from hdray.config.sweep import read_sweep, trial_name
from hdray.errors import UserError

SPACES = sorted((Path(__file__).parents[2] / "tune_spaces").glob("*.yaml"))
GOOD = """
title: a sweep
vary: {key: fit.steps, values: [10, 20]}
seeds: [0, 1]
metrics: {mmd_cd: lower}
"""


def test_there_are_spaces() -> None:
    assert len(SPACES) >= 2


@pytest.mark.parametrize("file", SPACES, ids=lambda file: file.stem)
def test_every_space_that_ships_is_a_sweep(file: Path) -> None:
    sweep = read_sweep(str(file))
    assert len(sweep.trials()) == len(sweep.values) * len(sweep.seeds)
    assert set(sweep.published) in (set(), {str(value) for value in sweep.values})


def test_a_trial_has_its_value_and_its_seed(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD + "set: {train.steps: 7, inputs.chairs: 9}\npreset: airplanes\n")
    sweep = read_sweep(str(tmp_path / "s.yaml"))
    assert sweep.trials() == [(10, 0), (20, 0), (10, 1), (20, 1)]
    config = sweep.config(20, 1, "/data")
    assert (config.fit.steps, config.seed, config.train.steps, config.inputs.chairs) == (20, 1, 7, 9)
    assert (config.preset, config.data) == ("airplanes", "/data")


def test_a_variant_stands_for_several_keys(tmp_path: Path) -> None:
    variants = "{name: size, variants: {small: {fit.steps: 10, train.steps: 3}, plain: }}"
    (tmp_path / "s.yaml").write_text(GOOD.replace("{key: fit.steps, values: [10, 20]}", variants))
    sweep = read_sweep(str(tmp_path / "s.yaml"), preset="airplanes")
    assert (sweep.key, sweep.values) == ("size", ("small", "plain"))
    assert trial_name(sweep, "small", 1) == "size=small,seed=1"
    small, plain = (sweep.config(value, 0, "") for value in sweep.values)
    assert (small.fit.steps, small.train.steps, small.preset) == (10, 3, "airplanes")
    assert plain.fit.steps == PRESETS["airplanes"]().fit.steps


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fit.steps", "fit.stepps", r"fit\.stepps.*did you mean fit\.steps"),
        ("[10, 20]", "[10, many]", "fit.steps"),
        ("[10, 20]", "[10]", "two values of it or more"),
        ("{key: fit.steps, values: [10, 20]}", "{name: size, variants: {one: {}}}", "a name and two variants or more"),
        ("{key: fit.steps, values: [10, 20]}", "{name: size, variants: {a: 3, b: }}", "a mapping of keys to values"),
        ("lower", "smaller", "metrics.mmd_cd must be one of lower, higher, half"),
        ("title", "name", "must hold the keys"),
        ("title: a sweep", "title: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "s.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(UserError, match=words):
        read_sweep(str(tmp_path / "s.yaml"))
    with pytest.raises(UserError, match="cannot be read"):
        read_sweep(str(tmp_path / "none.yaml"))
