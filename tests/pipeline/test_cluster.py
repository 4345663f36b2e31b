import pytest

from hdray.config.tree import Config, ExecutionSettings
from hdray.generators.settings import TrainSettings
from hdray.pipeline.cluster import Resources, resources_of


def test_a_laptop_fits_on_every_cpu() -> None:
    assert resources_of(ExecutionSettings(), cpus=2, gpus=0) == Resources(2, 2, 0)


def test_gpus_are_taken_one_an_actor() -> None:
    assert resources_of(ExecutionSettings(), cpus=96, gpus=8) == Resources(96, 8, 1)
    assert resources_of(ExecutionSettings(accelerator="cpu"), cpus=96, gpus=8) == Resources(96, 96, 0)


@pytest.mark.parametrize(("gpus", "actors"), [(0.5, 16), (0.4, 16), (0.3, 24), (0.05, 160), (0.9, 8)])
def test_actors_that_ask_for_less_share_a_gpu(gpus: float, actors: int) -> None:
    """None of them lies across two: eight GPUs hold 16 actors of 0.4, not 20."""
    assert resources_of(ExecutionSettings(gpus=gpus), cpus=96, gpus=8) == Resources(96, actors, gpus)
    assert resources_of(ExecutionSettings(gpus=gpus), cpus=2, gpus=0) == Resources(2, 2, 0)


@pytest.mark.parametrize("gpus", [0.0, 1.5, 2])
def test_an_actor_computes_on_one_gpu(gpus: float) -> None:
    with pytest.raises(ValueError, match=r"gpus = .* above 0 and at most 1"):
        ExecutionSettings(gpus=gpus)
    with pytest.raises(ValueError, match=r"execution\.gpus = 0\.5 .* must be 1 with 2 training workers"):
        Config(execution=ExecutionSettings(gpus=0.5), train=TrainSettings(workers=2))


def test_a_cluster_that_starts_empty_is_told_what_to_start() -> None:
    settings = ExecutionSettings(accelerator="gpu", sampling_actors=32, fitting_actors=4)
    assert resources_of(settings, cpus=0, gpus=0) == Resources(32, 4, 1)
