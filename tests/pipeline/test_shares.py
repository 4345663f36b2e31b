import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.config.load import load
from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.pipeline.cluster import Resources, resources_of
from hdray.pipeline.shares import TRIAL, gpu_options, trial_options


def test_gpus_of_a_trial() -> None:
    workers = ["--execution.fitting-actors", "{}", "--train.workers", "{}", "--shared.workers", "{}"]
    assert gpu_options(None) == []
    for gpus, share, actors in ((0.5, "0.5", "1"), (1, "1.0", "1"), (4.0, "1.0", "4")):
        assert gpu_options(gpus) == ["--execution.gpus", share, *(word.format(actors) for word in workers)]
    for gpus in (0, -1, 1.5, math.nan, math.inf):
        with pytest.raises(UserError, match=r"must be a fraction of one GPU, such as 0\.5, or a whole number"):
            gpu_options(gpus)
    config = load(["--preset", "demo", *gpu_options(2), "--train.batch-size", "32"], "", "")
    assert resources_of(config.execution, cpus=8, gpus=4) == Resources(8, 2, 1) and config.train.workers == 2
    config = load(["--preset", "demo", *gpu_options(0.5)], "", "")
    assert resources_of(config.execution, cpus=8, gpus=1) == Resources(8, 1, 0.5) and config.train.workers == 1


def settings_of(*asked: Any) -> ExecutionSettings:
    """What a job is told that is told no more than its options."""
    batches = ["--train.batch-size", "32", "--shared.batch-size", "32"]
    return load(["--preset", "demo", *batches, *trial_options(*asked)], "", "").execution


def test_two_trials_on_two_cpus_have_an_actor_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = settings_of(ExecutionSettings(), 2, 2, 0, None)
    assert (found.sampling_actors, found.fitting_actors, found.task_cpus, found.training_threads) == (1, 1, 0.25, 1)
    alone = settings_of(ExecutionSettings(), 1, 8, 0, None)
    assert (alone.sampling_actors, alone.fitting_actors, alone.task_cpus, alone.training_threads) == (8, 8, 0.25, 0)
    said = settings_of(ExecutionSettings(sampling_actors=3, task_cpus=0.1, training_threads=2), 2, 2, 0, None)
    assert (said.sampling_actors, said.fitting_actors, said.task_cpus, said.training_threads) == (3, 1, 0.1, 2)


def test_gpus_are_heeded_where_there_are_any() -> None:
    assert "--execution.fitting-actors" not in trial_options(ExecutionSettings(), 2, 16, 4, None)
    found = settings_of(ExecutionSettings(), 2, 16, 4, 2)
    assert (found.sampling_actors, found.fitting_actors, found.training_threads) == (8, 2, 0)
    without = trial_options(ExecutionSettings(), 2, 4, 0, 2)
    assert without == trial_options(ExecutionSettings(), 2, 4, 0, None), "no second training worker on CPUs"


@given(st.integers(1, 20), st.integers(1, 200), st.integers(0, 8), st.sampled_from([None, 0.5, 1.0, 2.0]))
def test_actors_of_all_trials_leave_each_a_reader_and_a_writer(
    together: int, cpus: int, gpus: int, each: float | None
) -> None:
    found = settings_of(ExecutionSettings(), together, cpus, gpus, each)
    resources = resources_of(found, cpus, gpus)
    for pools in (resources.sampling_actors + resources.fitting_actors, 2 * resources.fitting_actors):
        assert together * (pools + 2) * found.task_cpus <= cpus + 1e-9


@pytest.mark.ray
def test_a_waiting_trial_leaves_every_cpu_to_its_jobs(ray_cluster: None, tmp_path: Path) -> None:
    """Tasks that take a whole one would wait for ever where there is but one."""
    import ray
    from ray import tune

    def trial(parameters: dict[str, Any]) -> None:
        tune.report({"left": ray.available_resources().get("CPU", 0.0) - ray.cluster_resources()["CPU"]})

    run = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
    (found,) = tune.Tuner(tune.with_resources(trial, TRIAL), run_config=run).fit()
    assert found.error is None and found.metrics["left"] == 0
