"""What each of several trials takes of one cluster, as options of its jobs."""

import math
import os
from dataclasses import replace

from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.fields.kinds import kind_of
from hdray.generators.settings import TrainSettings
from hdray.pipeline.cluster import actors_on_one, resources_of

TRIAL = {"CPU": 0.0, "memory": 1.0}
"""What the trial itself asks for, which waits for its jobs. (Of something Tune must ask.) Tasks that take a whole CPU would
not fit on the last one beside any part of it.
"""


def trial_options(config: Config, together: int, cpus: int, gpus: int, gpus_of_each: float | None) -> list[str]:
    """The options that keep a job of this configuration within its share of a cluster: see `with_share`."""
    was, is_now = flatten(config), flatten(with_share(config, together, cpus, gpus, gpus_of_each))
    changed = {key: value for key, value in is_now.items() if value != was[key]}
    return [word for key, value in changed.items() for word in (f"--{key.replace('_', '-')}", str(value))]


def with_share(config: Config, together: int, cpus: int, gpus: int, gpus_of_each: float | None) -> Config:
    """A trial's configuration, saying what the trial takes of a cluster on which `together` of them run at a time.

    A stage has two pools of actors, and tasks that read and write beside them. Were actors of all trials to take all CPUs,
    no task of any would ever begin, and none of the actors end. `gpus_of_each`: as for `on_gpus`, heeded where there are
    GPUs; None shares them evenly.
    """
    each = max(1, cpus // together)
    if not resources_of(config.execution, cpus, gpus).gpus_per_actor:
        config = _on_cpus(config, together, each)
    elif gpus_of_each is not None:
        config = on_gpus(config, gpus_of_each)
    elif together > 1 and gpus:  # none is there yet where GPU nodes start on demand
        config = _on_even_part(config, together, gpus)
    execution = replace(config.execution, sampling_actors=config.execution.sampling_actors or each)
    found = resources_of(execution, cpus, gpus)
    # As many places as there are actors in both pools, a reader and a writer; or training workers, if these are more.
    actors = max(found.sampling_actors, found.fitting_actors) + found.fitting_actors + 2
    places = max(actors, config.train.workers, config.shared.workers)
    task_cpus = min(execution.task_cpus, _thousandths(cpus / together / places))
    return replace(config, execution=replace(execution, task_cpus=task_cpus))


def on_gpus(config: Config, gpus: float) -> Config:
    """A trial's configuration, saying that it takes this many GPUs where there are any.

    A fraction is one actor's share of one GPU; a whole number, as many actors, and training workers, with a GPU each.
    Raises UserError for any other number, and for workers that do not divide a batch.
    """
    whole = float(gpus).is_integer()
    if not 0 < gpus < math.inf or (gpus > 1 and not whole):
        raise UserError(f"--gpus {gpus:g} must be a fraction of one GPU, such as 0.5, or a whole number of them")
    workers = max(1, int(gpus))
    batches = {"train": config.train.batch_size}
    if kind_of(config.field.kind).network:
        batches["shared"] = config.shared.batch_size
    for section, batch in batches.items():
        if batch % workers:
            raise UserError(
                f"--gpus {gpus:g} makes {workers} training workers of each trial, which do not divide "
                f"{section}.batch_size = {batch}; it must be a divisor of that"
            )
    return _taking(
        config, 1.0 if whole else gpus, workers, workers, workers if "shared" in batches else config.shared.workers
    )


def short_of_gpus(config: Config, gpus_of_each: float | None, gpus: int) -> str:
    """What to tell who gives a trial more GPUs than the cluster has now; empty where it has them, has none, or uses none."""
    uses = resources_of(config.execution, 1, gpus).gpus_per_actor > 0
    if not uses or gpus_of_each is None or not 0 < gpus < gpus_of_each:
        return ""
    return (
        f"--gpus {gpus_of_each:g} for each trial, and the cluster has {gpus} now: waiting until nodes with more join (or give "
        f"--gpus {gpus})"
    )


def _on_even_part(config: Config, together: int, gpus: int) -> Config:
    """With an even part of the GPUs: whole ones, or where trials are more than GPUs, a part of one that it has to itself.

    What the configuration says of numbers and sizes is the most that the trial takes: what asks for more than its part
    would wait for GPUs that others hold.
    """
    execution = config.execution
    places = gpus * actors_on_one(execution.gpus)
    actors = max(1, places // together)
    of_each = execution.gpus if places >= together else _thousandths(1 / -(-together // gpus))
    workers = gpus // together if of_each == 1 else 1  # NCCL does not join two on one GPU
    fitting = min(actors, execution.fitting_actors or actors)
    return _taking(config, of_each, fitting, _workers(config.train, workers), _workers(config.shared, workers))


def _workers(settings: TrainSettings, most: int) -> int:
    """The largest number of training workers that divides the batch. (One is what settings say that say nothing of it.)"""
    if settings.workers > 1:
        most = min(most, settings.workers)
    return max(workers for workers in range(1, most + 1) if settings.batch_size % workers == 0)


def _taking(config: Config, gpus: float, fitting_actors: int, train_workers: int, shared_workers: int) -> Config:
    return replace(
        config,
        execution=replace(config.execution, gpus=gpus, fitting_actors=fitting_actors),
        train=replace(config.train, workers=train_workers),
        shared=replace(config.shared, workers=shared_workers),
    )


def _on_cpus(config: Config, together: int, each: int) -> Config:
    """With actors on `each` of the CPUs, and, where trials run together, as many threads of training."""
    execution = config.execution
    cores = max(1, min(each, (os.cpu_count() or 1) // together)) if together > 1 else 0
    return replace(
        config,
        execution=replace(
            execution,
            fitting_actors=execution.fitting_actors or each,
            training_threads=execution.training_threads or cores,
        ),
    )


def _thousandths(share: float) -> float:
    """Rounded down, so that parts add up to no more than there is; Ray itself knows ten-thousandths."""
    return max(1, int(1000 * share)) / 1000
