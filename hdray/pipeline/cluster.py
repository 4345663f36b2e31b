"""The Ray cluster a job runs on: connecting to it, and what it has."""

import logging
import os
from dataclasses import dataclass

from hdray.config.tree import ExecutionSettings


@dataclass(frozen=True)
class Resources:
    """What the cluster has now."""

    cpus: int
    gpus: int

    def sampling_actors(self, settings: ExecutionSettings) -> int:
        """How many actors sample: as configured, or one per four CPUs."""
        return settings.sampling_actors or max(1, self.cpus // 4)

    def fitting_actors(self, settings: ExecutionSettings) -> int:
        """How many actors fit: as configured, or one per GPU, or one per CPU where there are no GPUs.

        Single-threaded actors share cores with the samplers fairly; threads that wait for each other would not.
        """
        return settings.fitting_actors or self.gpus or self.cpus

    @property
    def gpus_per_actor(self) -> int:
        """GPUs an actor asks for: one where the cluster has any."""
        return int(self.gpus > 0)


def connect() -> Resources:
    """Join the cluster that RAY_ADDRESS or a running `ray start` names, or start one on this machine."""
    import ray

    if not ray.is_initialized():
        ray.init(logging_level=logging.WARNING)
    available = ray.cluster_resources()
    return Resources(cpus=max(1, int(available.get("CPU", 1))), gpus=int(available.get("GPU", 0)))


def use_threads(threads: int) -> None:
    """Set torch's threads in this worker (Ray sets one whatever is asked of it); 0 takes the node's cores."""
    import torch

    torch.set_num_threads(threads or os.cpu_count() or 1)
