"""The Ray cluster a job runs on: connecting to it, and what it has."""

import logging
import os
from dataclasses import dataclass

from hdray.config.tree import ExecutionSettings


@dataclass(frozen=True)
class Resources:
    """What a run takes of the cluster."""

    sampling_actors: int
    """As configured, or one per CPU: samplers and fitters of one machine share its cores as the work demands."""
    fitting_actors: int
    """As configured, or as many as fit on the GPUs, or one per CPU where there are no GPUs.

    Single-threaded actors share cores with the samplers fairly; threads that wait for each other would not.
    """
    gpus_per_actor: float
    """GPUs that an actor or training worker asks for: as configured, 0 where there are none to use."""


def resources_of(settings: ExecutionSettings, cpus: int, gpus: int) -> Resources:
    """What to take of a cluster with this many CPUs and GPUs."""
    use_gpu = settings.accelerator == "gpu" or (settings.accelerator == "auto" and gpus > 0)
    return Resources(
        sampling_actors=settings.sampling_actors or max(1, cpus),
        fitting_actors=settings.fitting_actors or max(1, gpus * actors_on_one(settings.gpus) if use_gpu else cpus),
        gpus_per_actor=settings.gpus if use_gpu else 0,
    )


def actors_on_one(gpus: float) -> int:
    """How many actors share a GPU, each asking for this much of it."""
    return int(1 / gpus + 1e-9)  # 1 / 0.05 is a little less than 20


def connect(settings: ExecutionSettings) -> Resources:
    """Join the cluster that RAY_ADDRESS or a running `ray start` names, or start one on this machine."""
    import ray

    # Ray Data's newer one asks for the fractions of CPUs its operators need and rounds what is left down to whole CPUs:
    # on two CPUs that leaves none to the writers, and nothing is committed until everything is sampled. Pools of fixed
    # size gain nothing by it.
    os.environ.setdefault("RAY_DATA_CLUSTER_AUTOSCALER", "V2")
    if not ray.is_initialized():
        ray.init(logging_level=logging.WARNING)
    available = ray.cluster_resources()
    found = resources_of(settings, int(available.get("CPU", 0)), int(available.get("GPU", 0)))
    if found.gpus_per_actor and not available.get("GPU"):
        print(
            "the cluster has no GPU now: waiting until a node with one joins (execution.accelerator = gpu)", flush=True
        )
    return found


def worker_device() -> str:
    """What a worker computes on: the GPU that Ray gave it, or else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def use_threads(threads: int) -> None:
    """Set torch's threads in this worker (Ray sets one whatever is asked of it); 0 takes the node's cores."""
    import torch

    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
