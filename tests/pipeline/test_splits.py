from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hdray.config.tree import Config, InputSettings
from hdray.errors import UserError
from hdray.pipeline.inputs import Input
from hdray.pipeline.splits import lacking, with_splits

# Two families of two, three of one.
FAMILIES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c", "d1": "d", "e1": "e"}
SHAPES = [Input(name, f"{name}.obj", "", "", family, 0.0) for name, family in FAMILIES.items()]


def config(**inputs: Any) -> Config:
    return Config(data="data", inputs=InputSettings(**inputs))


def splits(shapes: list[Input], settings: Config, fixed: dict[str, str] | None = None) -> dict[str, str]:
    return {item.id: item.split for item in with_splits(settings, shapes, fixed)}


def copies(of: dict[str, str], reason: str | None = None) -> list[Input]:
    return [replace(item, duplicate_of=of[item.id], reason=reason) if item.id in of else item for item in SHAPES]


def test_a_copy_joins_two_families_and_moves_no_other() -> None:
    settings = config(validation_share=0.3, test_share=0.3)
    before = splits(SHAPES, settings)
    assert len(set(before.values())) == 3
    for one in ("a2", "c1"):
        for other in ("b1", "d1", "e1"):
            after = splits(copies({other: one}), settings)
            joined = {name for name, family in FAMILIES.items() if family in (FAMILIES[one], FAMILIES[other])}
            assert len({after[name] for name in joined}) == 1
            assert after[one] in (before[one], before[other])
            assert {name: after[name] for name in FAMILIES.keys() - joined} == {
                name: before[name] for name in FAMILIES.keys() - joined
            }


def test_what_a_run_has_stays_and_copies_follow_it() -> None:
    settings = config(validation_share=0.3, test_share=0.3)
    usual = splits(SHAPES, settings)
    for split in ("train", "validation", "test"):
        after = splits(copies({"d1": "c1"}), settings, {"c1": split})
        assert after["c1"] == after["d1"] == split
        assert {name: after[name] for name in FAMILIES if name not in ("c1", "d1")} == {
            name: usual[name] for name in FAMILIES if name not in ("c1", "d1")
        }
    # The exception: a new file that connects two families which the run has in different splits.
    after = splits(copies({"e1": "c1", "d1": "c1"}), settings, {"c1": "train", "d1": "test"})
    assert (after["c1"], after["d1"], after["e1"]) == ("train", "test", "train")


def test_what_is_dropped_joins_nothing() -> None:
    settings = config(validation_share=0.3, test_share=0.3)
    after = splits(copies({"b1": "a1"}, reason="a duplicate of a1.obj"), settings)
    assert {name: split for name, split in after.items() if name != "b1"} == {
        name: split for name, split in splits(SHAPES, settings).items() if name != "b1"
    }
    assert after["b1"] == after["a1"]


def test_a_family_that_is_held_out_takes_its_copies_along() -> None:
    after = splits(copies({"e1": "c1"}), config(test_families="c"))
    assert Counter(after.values()) == {"test": 2, "train": 5}
    assert after["e1"] == "test"


def test_every_shape_is_tested_on_in_one_fold() -> None:
    tested: Counter[str] = Counter()
    for fold in range(3):
        found = splits(SHAPES, config(folds=3, fold=fold, validation_share=0.0))
        test = {name for name, split in found.items() if split == "test"}
        assert {split for name, split in found.items() if name not in test} == {"train"}
        assert len(test) in (2, 3)
        assert all((FAMILIES[name] == FAMILIES[other]) <= (other in test) for name in test for other in FAMILIES)
        tested.update(test)
    assert tested == Counter(FAMILIES.keys())


def test_as_many_folds_as_families_leave_one_out() -> None:
    left_out = []
    for fold in range(5):
        found = splits(SHAPES, config(folds=5, fold=fold))
        left_out.append({FAMILIES[name] for name, split in found.items() if split == "test"})
    assert sorted(map(sorted, left_out)) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    with pytest.raises(UserError, match=r"inputs.folds = 6 is more than there are families \(5\)"):
        splits(SHAPES, config(folds=6))
    with pytest.raises(UserError, match=r"\(5, which are 4 once those that share copies are put together\)"):
        splits(copies({"c1": "d1"}), config(folds=5))


def test_validation_shapes_are_of_the_rest() -> None:
    shapes = [Input(f"{number:03d}", f"{number}.obj", "", "", "", 0.0) for number in range(200)]
    counts = Counter(splits(shapes, config(folds=4, fold=1, validation_share=0.2)).values())
    assert counts["test"] == 50
    assert 15 <= counts["validation"] <= 45  # 150 draws of 0.2: mean 30, deviation 5
    assert "validation" not in splits(shapes, config(folds=4, fold=1, validation_share=0.0)).values()


def test_a_split_file_is_followed_whatever_is_a_copy(tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    file.write_text(
        "\n".join(["file,split", *(f"{name}.obj,{'test' if name == 'a1' else 'train'}" for name in FAMILIES)])
    )
    after = splits(copies({"b1": "a1"}), config(split_file=str(file)))
    assert (after["a1"], after["b1"]) == ("test", "train")


def test_a_category_that_a_split_lacks_is_named() -> None:
    where = {"lamp": ("train", "test"), "mug": ("train", "train", "train"), "": ("test",)}
    shapes = [
        Input(f"{category}{number}", "", split, category, "", 0.0)
        for category, of in where.items()
        for number, split in enumerate(of)
    ]
    said = lacking(shapes)
    assert "categories by splits: none in train: without category (1); none in test: mug (3); more shapes help" in said
    assert "validation" not in said  # which has no shape at all
    assert lacking([*shapes, replace(shapes[0], category="", split="train"), replace(shapes[2], split="test")]) == ""
    assert "train" not in lacking([replace(item, reason="a copy") if not item.category else item for item in shapes])
    assert lacking([]) == ""
