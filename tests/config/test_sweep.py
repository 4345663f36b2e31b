"""Sweeps and their trials."""

from pathlib import Path

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


def test_names_of_trials_stay_as_they_are(tmp_path: Path) -> None:
    """Runs lie in folders of these names: another spelling would not find them again."""
    vary = "{key: inputs.family_pattern, values: ['(Fox|Bull)_', '([^ ]+) é..']}"
    (tmp_path / "s.yaml").write_text(GOOD.replace("{key: fit.steps, values: [10, 20]}", vary))
    sweep = read_sweep(str(tmp_path / "s.yaml"))
    names = [trial_name(sweep, value, seed) for value, seed in sweep.trials()]
    assert names[:2] == ["inputs.family_pattern=(Fox|Bull)_,seed=0", "inputs.family_pattern=([^ ]+) é..,seed=0"]
