"""What a run keeps of its configuration."""

from dataclasses import replace

from hdray.config.tree import Config, ExecutionSettings
from hdray.pipeline.stages import kept


def test_a_pause_is_one_job_s_alone() -> None:
    """A run that was paused goes on to the end when a job is given its --run alone: it reads what was kept."""
    config = Config(run="runs/a", fits="runs/b", store="store", execution=ExecutionSettings(pause_at=500, gpus=0.5))
    assert kept(config) == Config(store="store", execution=ExecutionSettings(gpus=0.5))
    assert kept(replace(config, seed=3)).seed == 3
