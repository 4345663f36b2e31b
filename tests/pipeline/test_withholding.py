from pathlib import Path

import pytest

from hdray.config.tree import Config, InputSettings
from hdray.errors import UserError
from hdray.pipeline.inputs import list_inputs
from hdray.pipeline.withholding import check_withheld
from hdray.signals.chair_design import parts_of

PAIR = "arms+stretchers"
CHAIRS = [f"chair:{number:05d}" for number in range(100)]


def config(withhold: str, **values: object) -> Config:
    inputs = {"chairs": 256, "validation_share": 0.1, **values}
    return Config(inputs=InputSettings(withhold=withhold, **inputs))


def test_chairs_with_all_parts_are_the_test_split_and_every_other_combination_is_trained_on() -> None:
    inputs, _ = list_inputs(config(PAIR))
    shown = {item.source: parts_of(0, item.source) & {"arms", "stretchers"} for item in inputs}
    assert len(inputs) == 256
    for item in inputs:
        assert (item.split == "test") == (len(shown[item.source]) == 2)
    withheld = sum(item.split == "test" for item in inputs)
    assert 0.13 < withheld / 256 < 0.23
    trained = [shown[item.source] for item in inputs if item.split == "train"]
    for single in ({"arms"}, {"stretchers"}, set()):
        assert sum(parts == single for parts in trained) > 30
    assert 0.05 < sum(item.split == "validation" for item in inputs) / (256 - withheld) < 0.16


def test_more_chairs_move_none_and_the_seed_says_what_chairs_are() -> None:
    few = {item.id: item.split for item in list_inputs(config("arms+bulge", chairs=100))[0]}
    many = {item.id: item.split for item in list_inputs(config("arms+bulge", chairs=200))[0]}
    assert {name: many[name] for name in few} == few
    other = Config(seed=1, inputs=InputSettings(chairs=100, withhold="arms+bulge"))
    assert {item.id: item.split for item in list_inputs(other)[0]} != few


def test_combinations_that_cannot_be_withheld(tmp_path: Path) -> None:
    for wrong in ("arms+wings", "arms", "arms+arms", "+"):
        with pytest.raises(
            ValueError, match=r"withhold = .* is not accepted; it must be two or more parts joined by \+"
        ):
            config(wrong)
    for other in ({"split_file": "a.csv"}, {"family_pattern": "(a)", "test_families": "a"}):
        with pytest.raises(ValueError, match="must be empty where others say what to hold out"):
            config(PAIR, **other)
    with pytest.raises(UserError, match=r"withholds none of the 2 chairs: none shows all"):
        list_inputs(config("arms+stretchers+bulge", chairs=2))
    both, arms, stretchers = (
        [name for name in CHAIRS if parts_of(0, name) & {"arms", "stretchers"} == shown]
        for shown in ({"arms", "stretchers"}, {"arms"}, {"stretchers"})
    )
    with pytest.raises(UserError, match=r"withholds 3 of the 5 chairs, more than half"):
        check_withheld({**dict.fromkeys(both[:3], "test"), arms[0]: "train", stretchers[0]: "train"}, config(PAIR))
    with pytest.raises(UserError, match=r"withholds 1 of the 3 chairs, and none of those to train on shows stretchers"):
        check_withheld({both[0]: "test", arms[0]: "train", stretchers[0]: "validation"}, config(PAIR))
    check_withheld({both[0]: "test", arms[0]: "train", stretchers[0]: "train"}, config(PAIR))
    with pytest.raises(
        ValueError, match=r"withhold = .* must be empty where there are tables, mugs: .* of chairs alone"
    ):
        config(PAIR, tables=1, mugs=2)
    with pytest.raises(UserError, match=r"is of the procedural chairs, whose parts are known; with --data, give"):
        list_inputs(Config(data=str(tmp_path), inputs=InputSettings(withhold=PAIR)))
