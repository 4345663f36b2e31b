from hdray.config.tree import ExecutionSettings
from hdray.pipeline.cluster import Resources, resources_of


def test_a_laptop_fits_on_every_cpu() -> None:
    assert resources_of(ExecutionSettings(), cpus=2, gpus=0) == Resources(2, 2, 0)


def test_gpus_are_taken_one_an_actor() -> None:
    assert resources_of(ExecutionSettings(), cpus=96, gpus=8) == Resources(96, 8, 1)
    assert resources_of(ExecutionSettings(accelerator="cpu"), cpus=96, gpus=8) == Resources(96, 96, 0)


def test_a_cluster_that_starts_empty_is_told_what_to_start() -> None:
    settings = ExecutionSettings(accelerator="gpu", sampling_actors=32, fitting_actors=4)
    assert resources_of(settings, cpus=0, gpus=0) == Resources(32, 4, 1)
