"""Runs that use the same points, networks and surfaces: what each is charged, whoever comes first. No cluster is needed."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hdray.config.presets import demo
from hdray.config.tree import Config
from hdray.pipeline import clock, fit_stage
from hdray.pipeline.cluster import Resources
from hdray.pipeline.fit_stage import run_fit
from hdray.pipeline.inputs import Input
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.spent import own_seconds, used_seconds

RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)
SHAPE = Input(id="a", source="a.obj", split="train", category="a", family="a", modified=0)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this many seconds pass."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now.seconds))

    def passes(seconds: float) -> None:
        now.seconds += seconds

    return passes


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, passing: Any) -> None:
    """Sampling takes 100 seconds, the networks' training 1,000, once each for a store; fits take 7."""

    def once(stage: str, seconds: float) -> Any:
        def ensure(config: Config, *others: Any) -> RunDirectory:
            directory = RunDirectory(f"{config.store}/{stage}")
            if directory.record(stage) is None:
                passing(seconds)
                directory.begin(stage, {}, {}, "")
                directory.finish(stage, seconds)
            passing(20)  # waiting for whoever is at it
            return directory

        return ensure

    monkeypatch.setattr(fit_stage, "ensure_points", once("sample", 100))
    monkeypatch.setattr(fit_stage, "ensure_networks", once("share", 1000))
    monkeypatch.setattr(fit_stage, "read_networks", lambda directory: {})
    monkeypatch.setattr(fit_stage, "ensure_initialisation", lambda *given: "hash")
    monkeypatch.setattr(fit_stage, "_stream", lambda *given: passing(7))
    monkeypatch.setattr(fit_stage, "instances_hash", lambda run: "output")


def run_of(kind: str, folder: Path, name: str) -> Config:
    base = demo()
    fit = replace(base.fit, initialisation="random")
    generator = replace(base.generator, kind="lora-diffusion" if kind == "mlora" else base.generator.kind)
    config = replace(base, store=str(folder / "store"), fit=fit, field=replace(base.field, kind=kind))
    return replace(config, run=str(folder / name), generator=replace(generator, delta=False))


def test_whoever_comes_first_is_charged_its_own_fits_alone(tmp_path: Path, stages: None) -> None:
    for name in ("first", "second"):
        config = run_of("mlora", tmp_path, name)
        run = RunDirectory(config.run)
        run_fit(run, config, [SHAPE], [], RESOURCES)
        assert own_seconds(run) == {("fit", run.url): 7}
        used = used_seconds(run)
        assert used == {("sample", f"{tmp_path}/store/sample"): 100, ("share", f"{tmp_path}/store/share"): 1000}


def test_what_shares_nothing_uses_nothing_and_former_versions_kept_nothing_of_it(tmp_path: Path, stages: None) -> None:
    with_store = run_of("mlp", tmp_path, "stored")
    run_fit(RunDirectory(with_store.run), with_store, [SHAPE], [], RESOURCES)
    assert used_seconds(RunDirectory(with_store.run)) == {("sample", f"{tmp_path}/store/sample"): 100}, (
        "points are shared"
    )
    config = replace(run_of("mlp", tmp_path, "one"), store="")
    run = RunDirectory(config.run)
    run_fit(run, config, [SHAPE], [], RESOURCES)
    assert (own_seconds(run), used_seconds(run)) == ({("fit", run.url): 7}, {})
    record = run.record("fit") or {}
    del record["uses"]
    run.write_json(record, "stages", "fit.json")
    assert (own_seconds(run), used_seconds(run)) == ({("fit", run.url): 7}, None)


def test_seconds_of_what_is_gone_are_not_known(tmp_path: Path, stages: None) -> None:
    config = run_of("mlora", tmp_path, "one")
    run = RunDirectory(config.run)
    run_fit(run, config, [SHAPE], [], RESOURCES)
    RunDirectory(f"{tmp_path}/store").remove("share")
    assert used_seconds(run) is None
