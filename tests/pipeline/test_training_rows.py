import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hdray.config.tree import Config, InputSettings
from hdray.errors import UserError
from hdray.fitting.settings import FitSettings
from hdray.pipeline.fit_stage import check_fit, fit_keys
from hdray.pipeline.instances import instances_schema, instances_table, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.train_stage import check_train, train_keys
from hdray.pipeline.training_rows import (
    check_measured,
    exclusions_hash,
    keep_exclusions,
    left_out,
    read_seen,
    read_training,
)
from tests.pipeline.tables import write_rows


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Six shapes: five trained on, of which one fits badly and one could not be measured, and a reference."""
    rows = [
        {"id": name, "source": f"planes/{name}.obj", "split": split, "status": "accepted", "near_iou": iou,
         "self_intersection": share, "theta": [0.0], "surface": [0, 0, 0]}
        for name, split, iou, share in (
            ("a", "train", 0.9, 0.0), ("b", "train", 0.9, 0.2), ("c", "train", 0.1, 0.0), ("d", "train", 0.9, math.nan),
            ("e", "test", 0.9, 0.9), ("f", "train", 0.9, 0.1),
        )
    ]  # fmt: skip
    made = RunDirectory(str(tmp_path / "run"))
    write_rows(instances_table(made), "new", pa.Table.from_pylist(rows, schema=instances_schema()))
    return made


def config(gate: float = 0.5, **inputs: Any) -> Config:
    return Config(data="data", fit=FitSettings(minimum_near_iou=gate), inputs=InputSettings(**inputs))


def test_each_rule_leaves_out_its_own(run: RunDirectory) -> None:
    assert read_training(run, config()).ids == ["a", "b", "d", "f"]
    # What could not be measured is not known to be good.
    assert read_training(run, config(max_self_intersection=0.15)).ids == ["a", "f"]
    assert read_training(run, config(0.0, max_self_intersection=0.0)).ids == ["a", "c"]
    assert left_out(run, config(max_self_intersection=0.15)) == {
        "fit.minimum_near_iou": 1, "inputs.max_self_intersection": 2,
    }  # fmt: skip
    assert left_out(run, config(0.0)) == {}
    assert read_fitted(run, ["test"]).ids == ["e"], "references are never filtered"
    assert read_seen(run, config(max_self_intersection=0.15)).ids == ["a", "b", "c", "d", "f"], (
        "nor what is set beside them"
    )


def test_the_list_is_kept_as_it_was(run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.txt"
    file.write_text("a\nplanes/f.obj\ne.obj\nnone\n")
    chosen = config(exclude_file=str(file))
    keep_exclusions(run, chosen)
    assert f"1 of the 4 names in {file} are no shape's: none\n" in capsys.readouterr().out
    assert read_training(run, chosen).ids == ["b", "d"]
    assert read_seen(run, chosen).ids == ["b", "c", "d"]
    assert left_out(run, chosen)["inputs.exclude_file"] == 2
    assert read_training(run, config()).ids == ["a", "b", "d", "f"]
    begun = exclusions_hash(chosen)
    run.begin("train", train_keys(chosen), begun, "training")
    check_train(run, chosen, alone=False)
    file.write_text("b\n")
    assert read_training(run, chosen).ids == ["b", "d"], "what is trained on does not change under way"
    with pytest.raises(UserError, match="its input, the list of excluded shapes, has changed"):
        check_train(run, chosen, alone=False)
    file.write_text("none of them\n")
    with pytest.raises(
        UserError, match=r"names none of the 6 shapes; it has none of them, they are such as planes/a\.obj"
    ):
        keep_exclusions(run, chosen)


def test_nothing_left_to_train_on_is_explained(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("a\nb\nd\nf")
    chosen = config(exclude_file=str(tmp_path / "bad.txt"))
    keep_exclusions(run, chosen)
    with pytest.raises(UserError, match="has 4 fitted shapes in the split train, and all are left out"):
        read_training(run, chosen)


def test_rules_of_training_are_keys_of_training_alone() -> None:
    chosen = config(exclude_file="bad.txt", max_self_intersection=0.5)
    assert fit_keys(chosen) == fit_keys(config())
    changed = {key for key, value in train_keys(chosen).items() if train_keys(config()).get(key) != value}
    assert changed == {"inputs.exclude_file", "inputs.max_self_intersection"}
    assert not any(key.startswith("inputs") for key in train_keys(config())), "as in runs made before there were such"


def test_rows_from_before_there_was_the_column(run: RunDirectory) -> None:
    older = pa.schema(
        [field for field in instances_schema() if field.name not in ("self_intersection", "duplicate_of")]
    )
    row = {"id": "0", "source": "old.obj", "split": "train", "status": "accepted", "near_iou": 0.9, "theta": [1.0]}
    write_rows(instances_table(run), "older", pa.Table.from_pylist([{**row, "surface": [0, 0, 0]}], schema=older))
    assert read_training(run, config()).ids == ["0", "a", "b", "d", "f"]
    check_measured(run, config())
    # Its file is not read again: a filter that silently drops it would be no filter of ours.
    with pytest.raises(UserError, match=r"fitted 1 shapes for training, old\.obj for one, while it was 1"):
        check_measured(run, config(max_self_intersection=0.5))


def test_what_was_measured_may_be_limited_later(run: RunDirectory, tmp_path: Path) -> None:
    limited = config(max_self_intersection=0.5)
    check_measured(run, limited)  # also where there was too much to measure
    check_measured(RunDirectory(str(tmp_path / "none yet")), limited)
    rejected = {"id": "0", "source": "soup.obj", "split": "train", "status": "rejected", "reason": "it is no solid"}
    reference = {"id": "1", "source": "held.obj", "split": "test", "status": "accepted", "theta": [1.0]}
    write_rows(instances_table(run), "more", pa.Table.from_pylist([rejected, reference], schema=instances_schema()))
    check_measured(run, limited)


def test_a_job_refuses_before_it_begins(run: RunDirectory, tmp_path: Path) -> None:
    row = {"id": "0", "source": "new.obj", "split": "train", "status": "accepted", "theta": [1.0]}
    write_rows(instances_table(run), "more", pa.Table.from_pylist([row], schema=instances_schema()))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "new.obj").write_text("v 0 0 0\n")
    made, limited = (
        replace(config(**inputs), data=str(tmp_path / "data")) for inputs in ({}, {"max_self_intersection": 0.5})
    )
    run.begin("fit", fit_keys(made), {}, "commits")
    run.finish("fit", 1.0)
    other = RunDirectory(str(tmp_path / "other"))
    for chosen in (made, limited):
        for attempt in (
            lambda chosen=chosen: check_train(run, chosen, alone=True),
            lambda chosen=chosen: check_fit(run, chosen),
            lambda chosen=chosen: check_fit(other, replace(chosen, fits=run.url)),
        ):
            if chosen is made:
                attempt()
            else:
                with pytest.raises(UserError, match=r"run fitted 1 shapes for training, new\.obj for one"):
                    attempt()
