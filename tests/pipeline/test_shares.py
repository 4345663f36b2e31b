import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.config.load import load
from hdray.config.tree import Config, ExecutionSettings
from hdray.errors import UserError
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.pipeline.cluster import Resources, actors_on_one, resources_of
from hdray.pipeline.shares import TRIAL, on_gpus, short_of_gpus, trial_options, with_share


def config_of(train: int = 32, shared: int = 32, **execution: Any) -> Config:
    """Of fields that share a network, with these batches, one training worker, and these keys of `execution`."""
    return Config(
        field=FieldSettings(kind="mlora"),
        fit=FitSettings(initialisation="random"),
        generator=GeneratorSettings(kind="lora-diffusion"),
        train=TrainSettings(batch_size=train),
        shared=SharedSettings(batch_size=shared),
        execution=ExecutionSettings(**execution),
    )


def gpus_taken(config: Config) -> tuple[float, int, int, int]:
    """GPUs of each actor and worker, fitting actors, and workers of either training."""
    return config.execution.gpus, config.execution.fitting_actors, config.train.workers, config.shared.workers


def test_gpus_of_a_trial() -> None:
    for gpus, share, actors in ((0.5, 0.5, 1), (1, 1.0, 1), (4.0, 1.0, 4)):
        found = on_gpus(config_of(fitting_actors=3), gpus)
        assert gpus_taken(found) == (share, actors, actors, actors)
    for gpus in (0, -1, 1.5, math.nan, math.inf):
        with pytest.raises(UserError, match=r"must be a fraction of one GPU, such as 0\.5, or a whole number"):
            on_gpus(config_of(), gpus)
    for section in ("train", "shared"):
        with pytest.raises(UserError, match=rf"--gpus 4 makes 4 .* divide {section}\.batch_size = 6; it must"):
            on_gpus(config_of(**{section: 6}), 4)
    alone = replace(config_of(shared=6), field=FieldSettings(), generator=GeneratorSettings())
    assert gpus_taken(on_gpus(alone, 4)) == (1.0, 4, 4, 1), "nothing trains networks"


def test_options_say_what_the_share_is() -> None:
    """A job that is told its configuration and no more than these options takes the share."""
    words = ["--preset", "demo", "--run", "nowhere", "--train.batch-size", "32", "--shared.batch-size", "32"]
    for asked in ((2, 4, 0, None), (2, 16, 4, None), (3, 16, 2, None), (2, 16, 4, 0.5), (1, 16, 4, None)):
        config = load(words, "", "")
        assert load([*words, *trial_options(config, *asked)], "", "") == with_share(config, *asked)
    assert trial_options(with_share(config, 2, 16, 4, None), 2, 16, 4, None) == [], "it is said once"


def test_two_trials_on_two_cpus_have_an_actor_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = with_share(config_of(), 2, 2, 0, None).execution
    assert (found.sampling_actors, found.fitting_actors, found.task_cpus, found.training_threads) == (1, 1, 0.25, 1)
    alone = with_share(config_of(), 1, 8, 0, None).execution
    assert (alone.sampling_actors, alone.fitting_actors, alone.task_cpus, alone.training_threads) == (8, 8, 0.25, 0)
    said = with_share(config_of(sampling_actors=3, task_cpus=0.1, training_threads=2), 2, 2, 0, None).execution
    assert (said.sampling_actors, said.fitting_actors, said.task_cpus, said.training_threads) == (3, 1, 0.1, 2)


def test_gpus_are_heeded_where_there_are_any() -> None:
    found = with_share(config_of(), 2, 16, 4, 2)
    assert resources_of(found.execution, 16, 4) == Resources(8, 2, 1) and found.execution.training_threads == 0
    found = with_share(config_of(), 2, 16, 1, 0.5)
    assert resources_of(found.execution, 16, 1) == Resources(8, 1, 0.5) and found.train.workers == 1
    on_cpus = config_of(accelerator="cpu")
    for config, gpus in ((config_of(), 0), (on_cpus, 4)):
        found = with_share(config, 2, 4, gpus, 2)
        assert found == with_share(config, 2, 4, gpus, None), "no second training worker on CPUs"
        assert gpus_taken(found) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("together", "gpus", "config", "taken"),
    [
        (4, 8, config_of(), (1, 2, 2, 2)),
        (2, 8, config_of(train=6, shared=5), (1, 4, 3, 1)),
        (3, 8, config_of(), (1, 2, 2, 2)),
        (2, 1, config_of(), (0.5, 1, 1, 1)),
        (3, 1, config_of(), (0.333, 1, 1, 1)),
        (3, 2, config_of(), (0.5, 1, 1, 1)),  # three parts of 0.666 do not fit on two
        (4, 8, config_of(gpus=0.5), (0.5, 4, 1, 1)),
        (2, 1, config_of(gpus=0.25), (0.25, 2, 1, 1)),
        (2, 1, config_of(gpus=0.8), (0.5, 1, 1, 1)),
        (4, 8, config_of(fitting_actors=1), (1, 1, 2, 2)),
        (4, 8, config_of(fitting_actors=5), (1, 2, 2, 2)),
        (2, 8, replace(config_of(), train=TrainSettings(workers=2)), (1, 4, 2, 4)),
        (2, 1, replace(config_of(), train=TrainSettings(workers=2)), (0.5, 1, 1, 1)),
        (1, 8, config_of(), (1, 0, 1, 1)),
        (1, 8, config_of(gpus=0.5, fitting_actors=3), (0.5, 3, 1, 1)),
        (4, 0, config_of(accelerator="gpu", fitting_actors=3), (1, 3, 1, 1)),  # there are none yet
    ],
)
def test_trials_share_the_gpus_evenly(
    together: int, gpus: int, config: Config, taken: tuple[float, int, int, int]
) -> None:
    assert gpus_taken(with_share(config, together, 16, gpus, None)) == taken


said = st.builds(
    lambda batches, **execution: config_of(*batches, **execution),
    st.tuples(st.integers(1, 64), st.integers(1, 64)),
    gpus=st.sampled_from([1.0, 0.9, 0.5, 0.4, 0.3, 0.05]),
    sampling_actors=st.integers(0, 3),
    fitting_actors=st.integers(0, 12),
)


@given(said, st.integers(2, 20), st.integers(1, 200), st.integers(1, 16))
def test_what_all_trials_take_fits_on_the_gpus(config: Config, together: int, cpus: int, gpus: int) -> None:
    of_each, fitting, train, shared = gpus_taken(with_share(config, together, cpus, gpus, None))
    for number in (fitting, train, shared):
        assert together * number * of_each <= gpus + 1e-9
        assert together * number <= gpus * actors_on_one(of_each), "none lies across two"
    assert config.train.batch_size % train == config.shared.batch_size % shared == 0


@given(said, st.integers(1, 20), st.integers(1, 200), st.integers(0, 8), st.sampled_from([None, 0.5, 1.0]))
def test_actors_of_all_trials_leave_each_a_reader_and_a_writer(
    config: Config, together: int, cpus: int, gpus: int, each: float | None
) -> None:
    found = with_share(config, together, cpus, gpus, each)
    resources, part = resources_of(found.execution, cpus, gpus), found.execution.task_cpus
    for pools in (resources.sampling_actors + resources.fitting_actors, 2 * resources.fitting_actors):
        assert together * (pools + 2) * part <= cpus + 1e-9
    assert together * max(found.train.workers, found.shared.workers) * part <= cpus + 1e-9


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


def test_more_gpus_than_there_are_now_are_told_of() -> None:
    asked = "--gpus 4 for each trial, and the cluster has 2 now: waiting until nodes with more join (or give --gpus 2)"
    assert short_of_gpus(Config(), 4, 2) == asked
    assert not any(short_of_gpus(Config(), *numbers) for numbers in ((None, 2), (2, 2), (0.5, 1), (4, 0)))
    assert not short_of_gpus(Config(execution=ExecutionSettings(accelerator="cpu")), 4, 2)
