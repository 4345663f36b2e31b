"""Fits taken over from another run."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from hdray.config.presets import demo
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.cluster import resources_of
from hdray.pipeline.fit_stage import STAGE, check_fit, fit_keys, run_fit
from hdray.pipeline.inputs import list_inputs
from hdray.pipeline.instances import instances_hash, instances_schema, instances_table, read_columns
from hdray.pipeline.other_fits import copy_fits, keys_of_fits
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.unchanged import changed_categories
from tests.pipeline.tables import write_rows

BASE = demo()
RANDOM = replace(BASE, fit=replace(BASE.fit, initialisation="random"))


def donor(url: Path, config: Config, files: tuple[str, str] = ("a", "b")) -> RunDirectory:
    """A run whose fit stage has written its rows, in two files; what the vectors hold does not matter here."""
    run = RunDirectory(str(url))
    inputs, _ = list_inputs(config)
    rows = [
        {
            "id": item.id,
            "source": item.source,
            "split": item.split,
            "family": item.family,
            "category": item.category,
            "status": "accepted",
            "theta": [1.0],
        }
        for item in inputs
    ]
    (url / "shared").mkdir(parents=True)
    (url / "shared" / "start").write_bytes(b"start")
    run.begin(STAGE, fit_keys(config), {}, "commits")
    for name, part in zip(files, (rows[:50], rows[50:]), strict=True):
        table = pa.Table.from_pylist([{name: row.get(name) for name in instances_schema().names} for row in part])
        write_rows(instances_table(run), name, table.cast(instances_schema()))
    return run


def test_fits_are_copied_with_their_record(tmp_path: Path) -> None:
    other = donor(tmp_path / "donor", BASE)
    other.finish(STAGE, 7.0, output=instances_hash(other))
    run = RunDirectory(str(tmp_path / "run"))
    config = replace(BASE, fits=other.url, generator=replace(BASE.generator, seed=3))
    inputs, _ = check_fit(run, config)
    copy_fits(run, other, inputs, STAGE, fit_keys(config))
    assert run.record(STAGE) == {**(other.record(STAGE) or {}), "copied_from": other.url}
    assert (tmp_path / "run" / "shared" / "start").read_bytes() == b"start"
    columns = instances_schema().names
    assert read_columns(run, columns).equals(read_columns(other, columns))
    assert instances_table(run).committed() == instances_table(other).committed()
    check_fit(run, replace(config, fits=str(tmp_path / "gone")))  # a run that has its fits does not look elsewhere


def test_a_copy_that_was_cut_off_leaves_no_fits_of_other_settings(tmp_path: Path) -> None:
    """A job that is not told of the other run makes all fits itself."""
    other, run = donor(tmp_path / "donor", BASE), RunDirectory(str(tmp_path / "run"))
    other.finish(STAGE, 7.0, output=instances_hash(other))
    copy_fits(run, other, check_fit(run, replace(BASE, fits=other.url))[0], STAGE, fit_keys(BASE))
    run.remove("stages", f"{STAGE}.json")  # what is written last
    with pytest.raises(UserError, match="holds no instances"):  # none were asked for
        run_fit(run, BASE, [], [], resources_of(BASE.execution, 2, 0))
    assert not instances_table(run).committed() and not run.has("shared")


def test_a_copy_after_one_that_was_cut_off_has_nothing_of_it(tmp_path: Path) -> None:
    run = RunDirectory(str(tmp_path / "run"))
    for name in ("donor", "another"):
        other = donor(tmp_path / name, BASE, files=(f"{name}-a", f"{name}-b"))
        other.finish(STAGE, 7.0, output=instances_hash(other))
        copy_fits(run, other, check_fit(run, replace(BASE, fits=other.url))[0], STAGE, fit_keys(BASE))
        ids = read_columns(run, [])["id"].to_pylist()
        assert len(ids) == len(set(ids)) == 128
        run.remove("stages", f"{STAGE}.json")  # what is written last


def test_files_that_were_never_whole_are_not_copied(tmp_path: Path) -> None:
    other, run = donor(tmp_path / "donor", BASE), RunDirectory(str(tmp_path / "run"))
    other.finish(STAGE, 7.0, output=instances_hash(other))
    for name in ("a-0.parquet.1f.partial", "c-0.parquet"):  # cut off, and not committed
        (tmp_path / "donor" / "instances" / name).write_bytes(b"PAR1")
    copy_fits(run, other, check_fit(run, replace(BASE, fits=other.url))[0], STAGE, fit_keys(BASE))
    assert {path.name for path in (tmp_path / "run" / "instances").iterdir()} == {"a-0.parquet", "b-0.parquet"}


def test_other_splits_are_those_of_the_new_run(tmp_path: Path) -> None:
    other = donor(tmp_path / "donor", RANDOM)
    other.finish(STAGE, 7.0, output=instances_hash(other))
    run = RunDirectory(str(tmp_path / "run"))
    config = replace(RANDOM, fits=other.url, inputs=replace(RANDOM.inputs, folds=4, fold=1))
    inputs, _ = check_fit(run, config)
    copy_fits(run, other, inputs, STAGE, fit_keys(config))
    splits = {row["id"]: row["split"] for row in read_columns(run, ["split"]).to_pylist()}
    assert splits == {item.id: item.split for item in inputs}
    assert sum(split == "test" for split in splits.values()) == 32
    record = run.record(STAGE)
    assert record is not None
    assert record["output"] != instances_hash(other), "what is trained on is another set"
    run.check(STAGE, fit_keys(config), {})


def test_folds_by_another_rule_of_families_take_the_same_fits(tmp_path: Path) -> None:
    other = donor(tmp_path / "donor", RANDOM)
    other.finish(STAGE, 7.0, output=instances_hash(other))
    run = RunDirectory(str(tmp_path / "run"))
    folds = replace(RANDOM.inputs, family_pattern="([0-9])$", test_families="7")
    config = replace(RANDOM, fits=other.url, inputs=folds)
    inputs, _ = check_fit(run, config)
    copy_fits(run, other, inputs, STAGE, fit_keys(config))
    rows = read_columns(run, ["source", "split", "family"]).to_pylist()
    assert {row["family"] for row in rows} == set("0123456789")
    assert all((row["split"] == "test") == row["source"].endswith("7") for row in rows)


def test_other_categories_take_the_same_fits_whatever_was_learned(tmp_path: Path) -> None:
    other = donor(tmp_path / "donor", BASE)
    other.finish(STAGE, 7.0, output=instances_hash(other))
    run = RunDirectory(str(tmp_path / "run"))
    config = replace(BASE, fits=other.url, inputs=replace(BASE.inputs, category_pattern="([0-9])$"))
    inputs, _ = check_fit(run, config)
    copy_fits(run, other, inputs, STAGE, fit_keys(config))
    rows = read_columns(run, ["source", "category"]).to_pylist()
    assert all(row["category"] == row["source"][-1] for row in rows)
    table = instances_table(other)
    assert changed_categories(table, "it", list_inputs(BASE)[0]) == ""
    said = changed_categories(table, "runs/a", inputs)
    assert said.startswith("128 shapes are of another category than when runs/a read them") and "--fits runs/a" in said


@pytest.mark.parametrize("kind", ["lora", "mlora", "mnif"])
def test_networks_that_were_trained_on_other_splits_are_refused(tmp_path: Path, kind: str) -> None:
    generator = "latent-diffusion" if kind == "mnif" else "lora-diffusion"
    sharing = replace(
        RANDOM,
        field=replace(RANDOM.field, kind=kind),
        generator=replace(RANDOM.generator, kind=generator, delta=False),
        shared=replace(RANDOM.shared, precision="fp32"),
    )
    other = donor(tmp_path / "donor", sharing)
    other.finish(STAGE, 7.0, output="a hash")
    config = replace(sharing, fits=other.url, inputs=replace(sharing.inputs, folds=4))
    with pytest.raises(UserError, match=r"folds was at its default and is now 4.*training shapes went into these fits"):
        check_fit(RunDirectory(str(tmp_path / "run")), config)


def test_fits_that_are_not_those_of_this_run_are_refused(tmp_path: Path) -> None:
    other = donor(tmp_path / "donor", BASE)
    run, config = RunDirectory(str(tmp_path / "run")), replace(BASE, fits=other.url)
    with pytest.raises(UserError, match=r"donor holds no complete set of fits; run jobs/fit\.py"):
        check_fit(run, config)
    other.finish(STAGE, 7.0, output="a hash")
    with pytest.raises(UserError, match=r"fit\.steps was 600 and is now 5\. Give .* or leave --fits out"):
        check_fit(run, replace(config, fit=replace(config.fit, steps=5)))
    with pytest.raises(UserError, match=r"test_share was 0\.15 and is now 0\.3.*serve no other splits"):
        check_fit(run, replace(config, inputs=replace(config.inputs, test_share=0.3)))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("made_with", ["lora", "meta"])
def test_a_list_of_exclusions_acts_on_fits_that_something_was_learned_for(made_with: str) -> None:
    field = replace(BASE.field, kind="lora") if made_with == "lora" else BASE.field
    fit = replace(BASE.fit, initialisation="random" if made_with == "lora" else made_with)
    config = replace(BASE, field=field, fit=fit)
    listed = replace(config, inputs=replace(config.inputs, exclude_file="list.txt"))
    assert keys_of_fits(fit_keys(listed)) != keys_of_fits(fit_keys(config))
    assert fit_keys(replace(BASE, inputs=listed.inputs)) == fit_keys(BASE)
