import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hdray.config.load import from_yaml, load, result_keys, to_yaml
from hdray.config.presets import PRESETS
from hdray.config.tree import Config, InputSettings, flatten
from hdray.errors import UserError
from hdray.metrics.settings import EvaluateSettings

ROOT = Path(__file__).parents[2]


def loaded(*arguments: object) -> Config:
    return load([str(argument) for argument in arguments], "a job", "jobs/a.py")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_yaml(name: str) -> None:
    config = replace(PRESETS[name](), preset=name)
    assert from_yaml(to_yaml(config), "a file") == config


def test_the_published_presets_hold_the_published_numbers() -> None:
    paper, code = PRESETS["hyperdiffusion-paper"](), PRESETS["hyperdiffusion-code"]()
    for config in (paper, code):
        assert (config.field.width, config.field.layers, config.field.frequencies) == (128, 3, 4)
        assert config.field.frequency_base == 1.0
        assert (config.generator.width, config.generator.layers, config.generator.heads) == (2880, 12, 16)
        assert config.generator.timesteps == config.generate.steps == 500
        assert config.generator.normalisation == "none"
        assert not config.generator.delta
        assert config.train.batch_size == 32
        assert config.train.ema == config.train.clip == 0.0
    assert (paper.train.step_factor, code.train.step_factor) == (0.8, 0.9)
    assert (paper.signal.normalisation, code.signal.normalisation) == ("box", "mean")
    assert (code.generate.level, code.generate.resolution, code.generate.count) == (0.8, 356, 666)
    assert paper.fit.steps == 800 * 97
    assert code.train.steps == 6000 * 86


def test_precedence_is_preset_then_file_then_command_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("preset: airplanes\nfit: {steps: 111, learning_rate: 5e-4}\n")
    config = loaded("--config", file, "--fit.steps", 7)
    assert config.fit.steps == 7
    assert config.fit.learning_rate == 5e-4
    assert config.field == PRESETS["airplanes"]().field
    over = loaded("--config", file, "--preset", "demo")
    assert over.field == PRESETS["demo"]().field
    assert over.fit.steps == 111


def test_what_a_file_says_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("fit: {steps: 111}\nseed: 3\nfit: {learning_rate: 5e-4}\n")
    with pytest.raises(UserError, match=r"mine\.yaml holds fit twice \(lines 1 and 3\)"):
        loaded("--config", tmp_path / "mine.yaml")


def test_truth_values_are_given_as_any_other(tmp_path: Path) -> None:
    config = loaded("--evaluate.controls", "False", "--train.decay_everything", "True", "--run", tmp_path)
    assert not config.evaluate.controls
    assert config.train.decay_everything


def test_a_run_alone_brings_its_own_configuration(tmp_path: Path) -> None:
    stored = replace(PRESETS["airplanes"](), preset="airplanes", seed=5)
    (tmp_path / "config.yaml").write_bytes(to_yaml(stored))
    config = loaded("--run", tmp_path, "--generate.count", 3)
    assert (config.seed, config.preset, config.generate.count) == (5, "airplanes", 3)
    assert loaded("--run", tmp_path, "--preset", "demo").seed == 0


def test_without_anything_it_is_the_demo_in_a_folder_named_after_it() -> None:
    config = loaded()
    assert config.preset == "demo"
    assert config.run == str(Path.cwd() / "runs" / "demo")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("fit: {bath_size: 3}", ["fit.bath_size", "did you mean fit.batch_size"]),
        ("fit: {steps: many}", ["fit.steps", "'many'", "integer"]),
        ("fit: {steps: -1}", ["steps = -1", "greater than 0"]),
        ("fit: 3", ["fit = 3", "section"]),
        ("preset: demmo", ["demmo", "airplanes"]),
        ("generate: {steps: 1001}", ["generate.steps = 1001", "1000"]),
        ("evaluate: {protocol: hyperdifusion}", ["hyperdifusion", "one of none, hyperdiffusion-code"]),
        ("evaluate: {points: 1}", ["points = 1", "0, or 2 or more"]),
        ("evaluate: {points: 4096}", ["evaluate.points = 4096", "at most signal.surface_points = 2048"]),
        (
            "{preset: airplanes, evaluate: {protocol: mlora}, signal: {surface_points: 512}}",
            ["evaluate.points = 0", "not 0, which is 2048"],
        ),
        ("evaluate: {protocol: hyperdiffusion-4d}", ["hyperdiffusion-4d", "one of none", "where signal.frames = 0"]),
        ("{preset: animals, evaluate: {protocol: mlora}}", ["one of none, hyperdiffusion-4d where signal.frames = 16"]),
        (
            "evaluate: {normalisation: std, squared: true, points: 64}",
            ["evaluate.normalisation, evaluate.squared, which former versions had: take that out", "evaluate.protocol"],
        ),
        ("[1, 2]", ["list"]),
        ("a: [", ["not YAML"]),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, content: str, words: list[str]) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(content)
    with pytest.raises(UserError) as error:
        loaded("--config", file)
    for word in words:
        assert word in str(error.value)
    assert "\n\n" not in str(error.value)


def test_result_keys_leave_out_what_never_changes_a_result() -> None:
    keys = result_keys(Config(), "", "fit", "train")
    assert "fit.batch_size" in keys
    assert "seed" in keys
    assert not {"run", "preset", "config", "train.workers", "execution.sampling_actors"} & keys.keys()


def test_help_explains_every_value_in_a_line() -> None:
    command = [sys.executable, ROOT / "jobs" / "full_pipeline.py", "--help"]
    environment = {"COLUMNS": "200", "PATH": "", "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    text = shown.stdout
    for key in flatten(Config()):
        assert f"--{key.replace('_', '-')}" in text
    for line in text.splitlines():
        if line.startswith(("│ --", "│ --")):
            assert "(default" in text


def test_vectors_of_clouds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="points come in no order"):
        replace(PRESETS["airplanes-points"](), evaluate=EvaluateSettings(deduplicate=True))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"folds": 1}, "folds = 1 is not accepted; it must be 0, or 2 or more"),
        ({"folds": 3, "fold": 3}, "fold = 3 is not accepted; it must be below folds = 3"),
        ({"fold": 1}, "fold = 1 is not accepted; it must be 0 where folds is 0"),
        ({"folds": 3, "test_families": "Deer"}, "0 where split_file or test_families is given"),
        ({"duplicates": "merge"}, "one of together, drop, ignore"),
        ({"max_self_intersection": 1.5}, "between 0 and 1"),
    ],
)
def test_inputs_that_cannot_be(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InputSettings(**keys)
