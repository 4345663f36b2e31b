"""Files of sweeps: those that ship, and every mistake in one."""

from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config import sweep_file
from hdray.config.presets import PRESETS
from hdray.config.sweep_file import read_sweep
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


CATEGORIES = ("mlora_mask", "mlora_rank", "mnif_adaptation", "mnif_latent", "mnif_mixtures")


@pytest.mark.parametrize("name", CATEGORIES)
def test_spaces_on_four_categories_hold_what_is_their_own(name: str) -> None:
    """What they have in common is in the preset, so that another one takes its place whole."""
    (file,) = [file for file in SPACES if file.stem == name]
    for preset in ("four-categories", "demo"):
        sweep, base = read_sweep(str(file), preset if preset == "demo" else ""), PRESETS[preset]()
        assert sweep.preset == preset
        assert all(key.startswith(("field.", "shared.", "fit.", "generator.")) for key in sweep.set)
        for value in sweep.values:
            config = sweep.config(value, 0, "")
            for section in ("inputs", "signal", "train", "generate", "evaluate", "execution"):
                assert getattr(config, section) == getattr(base, section)
            assert (config.fit.steps, config.generator.width) == (base.fit.steps, base.generator.width)
            assert config.shared.ema == base.shared.ema


def test_representations_are_compared_on_four_categories_by_any_preset_of_demo_s_size() -> None:
    """The space sets over the demo what the preset is, so that `--preset demo` is this sweep."""
    (file,) = [file for file in SPACES if file.stem == "representations"]
    for sweep in (read_sweep(str(file)), read_sweep(str(file), "demo")):
        config, base = sweep.config("mlp", 0, ""), PRESETS["four-categories"]()
        for section in ("inputs", "signal", "shared", "generator", "train", "generate", "evaluate", "execution"):
            assert getattr(config, section) == getattr(base, section)
        assert replace(config.fit, learning_rate=base.fit.learning_rate) == base.fit
        own = {"kind": base.field.kind, "width": base.field.width}
        assert replace(config.field, **own) == base.field


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fit.steps", "fit.stepps", r"fit\.stepps.*did you mean fit\.steps"),
        ("[10, 20]", "[10, many]", "fit.steps"),
        ("[10, 20]", "[10]", "two values of it or more"),
        ("{key: fit.steps, values: [10, 20]}", "{name: size, variants: {one: {}}}", "a name and two variants or more"),
        ("{key: fit.steps, values: [10, 20]}", "{name: size, variants: {a: 3, b: }}", "a mapping of keys to values"),
        ("lower", "smaller", "metrics.mmd_cd must be one of lower, higher, half"),
        ("title", "titel", "holds titel, which is not a key of a space; did you mean title"),
        ("title: a sweep", "", "lacks title; it must hold title, seeds, metrics, and may hold preset"),
        ("title: a sweep", "title: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "s.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(UserError, match=words):
        read_sweep(str(tmp_path / "s.yaml"))
    with pytest.raises(UserError, match="cannot be read"):
        read_sweep(str(tmp_path / "none.yaml"))


def test_a_store_that_does_not_answer_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By errors of libraries that are none of the system's."""

    def refused(url: str) -> bytes:
        raise RuntimeError("could not connect")

    monkeypatch.setattr(sweep_file, "read_bytes", refused)
    with pytest.raises(
        UserError, match=r"--space s3://bucket/s\.yaml cannot be read \(RuntimeError: could not connect\)"
    ):
        read_sweep("s3://bucket/s.yaml")


MISTAKES = {
    "metrics: [mmd_cd]": "metrics must hold a metric or more",
    "metrics: {}": "metrics must hold a metric or more",
    "metrics: {mmd_cd: [lower]}": "metrics.mmd_cd must be one of lower, higher, half",
    "metrics: {mmdcd: lower}": "mmdcd is nothing that an evaluation measures; did you mean mmd_cd",
    "metrics: {frame_step_ratio: lower}": r"measured of animations \(signal.frames is set\) alone",
    "metrics: {withheld_share: higher}": "measured of parts withheld from training",
    "metrics: {categories_ari: higher}": "shapes that may be of several categories .* alone",
    "published: [1]": "published must hold a paper's row for each value",
    "published: {10: 3}": "published must hold a paper's row for each value",
    "published: {10: {mmd_cd: low}}": "published must hold a paper's row for each value",
    "published: {30: {mmd_cd: 3}}": r"published\.30 is of no value that is tried \(10, 20\)",
    "seeds: []": "seeds must hold a number or more",
    "seeds: [a]": "seeds must hold a number or more, all of them whole",
    "seeds: [0.5]": "seeds must hold a number or more, all of them whole",
    "seeds: [true]": "seeds must hold a number or more, all of them whole",
    "seeds: [0, 1, 0]": "seeds holds 0 twice",
    "set: [a]": "set = .* must be a mapping of keys to values",
    "set: {1: 2}": "set = .* must be a mapping of keys to values",
    "set: {train: {steps: 2}}": r"set\.train = .* is a section; write its keys with dots",
    "set: {train.steps: [2]}": r"set\.train\.steps = \[2\] is neither a text nor a number",
    "set: {data: /shapes}": "set must not hold data, which the command line gives",
    "set: {seed: 3}": "set must not hold seed, which seeds gives",
    "set: {execution.pause_at: 5}": r"set must not hold execution\.pause_at, which stop gives",
    "vary: {key: '', values: [10, 20]}": "the key of vary must be a text, and is ''",
    "vary: {name: null, variants: {a: {fit.steps: 9}, b: {}}}": "the name of vary must be a text, and is None",
    "vary: {name: seed, variants: {a: {fit.steps: 9}, b: {}}}": r"vary\.name seed is also the key of the seeds",
    "set: {preset: airplanes}": "set must not hold preset",
    "vary: {key: seed, values: [0, 1]}": "vary must not hold seed, which seeds gives",
    "vary: {key: data, values: [a, b]}": "vary must not hold data, which the command line gives",
    "vary: {name: one, variants: {a: {data: x}, b: {}}}": r"vary\.variants\.a must not hold data",
    "vary: {name: one, variants: {a: {fit: {steps: 3}}, b: {}}}": r"vary\.variants\.a\.fit = .* is a section",
    "vary: {key: fit.steps, values: [10, 10]}": "vary holds 10 twice",
    "vary: {key: fit.steps, values: [1, 1.0]}": "vary holds 1.0 twice",
    "vary: {key: fit.steps, values: [[1], [2]]}": r"vary holds \[1\], which is neither a text nor a number",
    "vary: [1, 2]": "vary must hold a key and two values",
    # A key and one that lies in it.
    "set: {fit: 5}": "gives a value to fit and to fit.steps, which lies in it",
    "set: {fit.steps.first: 5}": r"gives a value to fit\.steps and to fit\.steps\.first, which lies in it",
    "set: {train: 5, train.steps: 10}": "gives a value to train and to train.steps",
    "set: {train.steps: 10, train: 5}": "gives a value to train and to train.steps",
    "vary: {name: one, variants: {a: {fit: 3, fit.steps: 4}, b: {}}}": "gives a value to fit and to fit.steps",
    "seed_key: fit": r"seed_key fit must be one of seed, fit\.seed, generator\.seed$",
    "seed_key: sed": r"s\.yaml: seed_key sed must be one of seed, fit\.seed, generator\.seed; did you mean seed\?",
    # Said twice.
    "set: {fit.steps: 5}": r"set\.fit\.steps would not be heeded, as vary gives fit\.steps to every trial",
    "set: {train.steps: 5, train.steps: 6}": r"holds train\.steps twice \(lines \d and \d\)",
    "preset: demo\nset: {train.steps: 5}\nset: {train.steps: 6}": "holds set twice",
    "preset: demo\nvary: {key: preset, values: [demo, airplanes]}": "preset demo would not be heeded, as vary gives",
    "preset:": "s.yaml: preset is left empty; give it a value, or leave the key out",
    "title: null": "title is left empty; give it a value$",
    "needs_data: perhaps": "needs_data = 'perhaps' must be true or false",
    "metric: {}": "holds metric, which is not a key of a space; did you mean metrics",
    "colour: red": "holds colour, which is not a key of a space; it must hold title, seeds, metrics, and may hold preset",
    # Values that are no names of folders.
    "vary: {key: inputs.split_file, values: [/a/b.csv, c.csv]}": r"'inputs\.split_file=/a/b\.csv,seed=0'.*first: {inputs",
    "vary: {key: inputs.split_file, values: [../../b, c.csv]}": "must not hold a / .*Name the values",
    'vary: {key: inputs.split_file, values: ["a\\n", b]}': "or what is not printed",
    "vary: {name: a/b, variants: {a: {}, b: {fit.steps: 2}}}": "must not hold a / .*Give the variants other names",
    f"vary: {{name: one, variants: {{a: {{}}, {'b' * 200}: {{}}}}}}": "must not be longer than 200 bytes",
}


@pytest.mark.parametrize("line", MISTAKES, ids=lambda line: line[:60])
def test_a_mistake_is_one_paragraph(tmp_path: Path, line: str) -> None:
    keys = [one.partition(":")[0] for one in line.splitlines()]
    kept = [other for other in GOOD.splitlines() if other.partition(":")[0] not in keys]
    (tmp_path / "s.yaml").write_text("\n".join([*kept, line]))
    with pytest.raises(UserError, match=MISTAKES[line]) as found:
        read_sweep(str(tmp_path / "s.yaml"))
    assert "\n" not in str(found.value) and "s.yaml" in str(found.value)


def test_what_a_variant_says_is_heeded_and_so_is_what_others_have_instead(tmp_path: Path) -> None:
    variants = "vary: {name: one, variants: {a: {fit.steps: 3, preset: airplanes}, b: {train.steps: 5}}}"
    kept = "\n".join(line for line in GOOD.splitlines() if not line.startswith("vary"))
    (tmp_path / "s.yaml").write_text(f"{kept}\n{variants}\nset: {{fit.steps: 7}}\n")
    sweep = read_sweep(str(tmp_path / "s.yaml"), "demo")
    configs = [sweep.config(value, 0, "") for value in sweep.values]
    assert [(config.preset, config.fit.steps) for config in configs] == [("airplanes", 3), ("demo", 7)]
    (tmp_path / "s.yaml").write_text(f"{kept}\n{variants.replace('train.steps: 5', 'preset: demo')}\n")
    with pytest.raises(UserError, match="--preset demo would not be heeded, as vary gives every trial a preset"):
        read_sweep(str(tmp_path / "s.yaml"), "demo")


def test_categories_are_compared_of_two_of_the_representations_as_they_are() -> None:
    spaces = {file.stem: read_sweep(str(file)) for file in SPACES}
    few, all_of_them = spaces["mlora_categories"], spaces["representations"]
    assert few.variants == {name: all_of_them.variants[name] for name in ("mlp", "mlora")}
