"""Sweeps and their trials."""

from pathlib import Path

import pytest

from hdray.config.presets import PRESETS
from hdray.config.sweep import trial_name
from hdray.config.sweep_file import read_sweep

GOOD = """
title: a sweep
vary: {key: fit.steps, values: [10, 20]}
seeds: [0, 1]
metrics: {mmd_cd: lower}
"""


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


def test_files_are_found_from_the_folder_of_the_command_wherever_a_trial_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(
        GOOD.replace("{key: fit.steps, values: [10, 20]}", "{key: inputs.split_file, values: [a.csv, '']}")
        + "set: {inputs.category_file: s3://shapes/c.csv, evaluate.reference_split: validation}\n"
        + "search: {trials: 2, keys: {inputs.exclude_file: {choice: [b.csv, /lists/c.csv]}}}\n"
        + "objective: mmd_cd\n"
    )
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep("s.yaml")
    monkeypatch.chdir("/")
    inputs = sweep.config("a.csv", 0, "", {"inputs.exclude_file": "b.csv"}).inputs
    assert (inputs.split_file, inputs.exclude_file) == (f"{tmp_path}/a.csv", f"{tmp_path}/b.csv")
    assert inputs.category_file == "s3://shapes/c.csv"
    assert sweep.config("", 0, "", {"inputs.exclude_file": "/lists/c.csv"}).inputs.exclude_file == "/lists/c.csv"
    assert sweep.config("", 0, "").inputs.split_file == ""
    assert trial_name(sweep, "a.csv", 0) == "inputs.split_file=a.csv,seed=0"


def test_names_of_trials_stay_as_they_are(tmp_path: Path) -> None:
    """Runs lie in folders of these names: another spelling would not find them again."""
    vary = "{key: inputs.family_pattern, values: ['(Fox|Bull)_', '([^ ]+) é..']}"
    (tmp_path / "s.yaml").write_text(GOOD.replace("{key: fit.steps, values: [10, 20]}", vary))
    sweep = read_sweep(str(tmp_path / "s.yaml"))
    names = [trial_name(sweep, value, seed) for value, seed in sweep.trials()]
    assert names[:2] == ["inputs.family_pattern=(Fox|Bull)_,seed=0", "inputs.family_pattern=([^ ]+) é..,seed=0"]
