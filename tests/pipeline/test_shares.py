import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdray.config.load import load
from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.pipeline.cluster import Resources, resources_of
from hdray.pipeline.shares import TRIAL_CPUS, cpu_options, gpu_options


def test_gpus_of_a_trial() -> None:
    workers = ["--execution.fitting-actors", "{}", "--train.workers", "{}", "--shared.workers", "{}"]
    assert gpu_options(None) == []
    for gpus, share, actors in ((0.5, "0.5", "1"), (1, "1.0", "1"), (4.0, "1.0", "4")):
        assert gpu_options(gpus) == ["--execution.gpus", share, *(word.format(actors) for word in workers)]
    for gpus in (0, -1, 1.5):
        with pytest.raises(UserError, match=r"must be a fraction of one GPU, such as 0\.5, or a whole number"):
            gpu_options(gpus)
    config = load(["--preset", "demo", *gpu_options(2), "--train.batch-size", "32"], "", "")
    assert resources_of(config.execution, cpus=8, gpus=4) == Resources(8, 2, 1) and config.train.workers == 2
    config = load(["--preset", "demo", *gpu_options(0.5)], "", "")
    assert resources_of(config.execution, cpus=8, gpus=1) == Resources(8, 1, 0.5) and config.train.workers == 1


def settings_of(options: list[str]) -> ExecutionSettings:
    return load(["--preset", "demo", *options], "", "").execution


def test_two_trials_on_two_cpus_have_an_actor_of_each_kind() -> None:
    found = settings_of(cpu_options(ExecutionSettings(), 2, 2, 0, None))
    assert (found.sampling_actors, found.fitting_actors, found.task_cpus) == (1, 1, 0.247)
    alone = settings_of(cpu_options(ExecutionSettings(), 1, 8, 0, None))
    assert (alone.sampling_actors, alone.fitting_actors, alone.task_cpus) == (8, 8, 0.25)
    said = settings_of(cpu_options(ExecutionSettings(sampling_actors=3, task_cpus=0.1), 2, 2, 0, None))
    assert (said.sampling_actors, said.fitting_actors, said.task_cpus) == (3, 1, 0.1)


def test_gpus_say_how_many_fit() -> None:
    assert "--execution.fitting-actors" not in cpu_options(ExecutionSettings(), 2, 16, 4, 2)
    found = settings_of([*gpu_options(2), "--train.batch-size", "32", *cpu_options(ExecutionSettings(), 2, 16, 4, 2)])
    assert (found.sampling_actors, found.fitting_actors) == (8, 2)


@given(st.integers(1, 20), st.integers(1, 200), st.integers(0, 8), st.sampled_from([None, 0.5, 1.0, 2.0]))
def test_actors_of_all_trials_leave_each_a_reader_and_a_writer(
    together: int, cpus: int, gpus: int, each: float | None
) -> None:
    given = [*gpu_options(each), "--train.batch-size", "32", "--shared.batch-size", "32"]
    found = settings_of(given + cpu_options(ExecutionSettings(), together, cpus, gpus, each))
    resources = resources_of(found, cpus, gpus)
    for pools in (resources.sampling_actors + resources.fitting_actors, 2 * resources.fitting_actors):
        assert together * (TRIAL_CPUS + (pools + 2) * found.task_cpus) <= cpus + 1e-9
