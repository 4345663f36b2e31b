"""What each of several trials takes of one cluster, as options of its jobs."""

import math
import os

from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.pipeline.cluster import resources_of

TRIAL = {"CPU": 0.0, "memory": 1.0}
"""What the trial itself asks for, which waits for its jobs. (Of something Tune must ask.) Tasks that take a whole CPU would
not fit on the last one beside any part of it.
"""


def gpu_options(gpus: float | None) -> list[str]:
    """The options of a job that make a run take this many GPUs where there are any; None leaves it to the space.

    A fraction is one actor's share of one GPU; a whole number, as many actors, and training workers, with a GPU each.
    Raises UserError for any other number.
    """
    if gpus is None:
        return []
    whole = float(gpus).is_integer()
    if not 0 < gpus < math.inf or (gpus > 1 and not whole):
        raise UserError(f"--gpus {gpus:g} must be a fraction of one GPU, such as 0.5, or a whole number of them")
    actors = str(max(1, int(gpus)))
    share = ["--execution.gpus", "1.0" if whole else repr(gpus)]
    return [*share, "--execution.fitting-actors", actors, "--train.workers", actors, "--shared.workers", actors]


def trial_options(
    settings: ExecutionSettings, together: int, cpus: int, gpus: int, gpus_of_each: float | None
) -> list[str]:
    """The options of a job that keep a run within its share of a cluster, `together` runs at a time.

    A stage has two pools of actors, and tasks that read and write beside them. Were actors of all runs to take all CPUs,
    no task of any would ever begin, and none of the actors end. What the configuration (`settings`) says of numbers of
    actors is kept; `gpus_of_each`: as for `gpu_options`, heeded where there are GPUs.
    """
    use_gpu = resources_of(settings, cpus, gpus).gpus_per_actor > 0
    options = gpu_options(gpus_of_each) if use_gpu else []
    each = max(1, cpus // together)
    sampling = settings.sampling_actors or each
    options += ["--execution.sampling-actors", str(sampling)]
    if use_gpu and gpus_of_each is not None:
        fitting = max(1, int(gpus_of_each))
    elif use_gpu:
        fitting = resources_of(settings, cpus, gpus).fitting_actors
    else:
        fitting = settings.fitting_actors or each
        options += ["--execution.fitting-actors", str(fitting)]
    # Of as many places as there are actors in both pools, a reader and a writer.
    share = cpus / together / (max(sampling, fitting) + fitting + 2)
    thousandths = max(1, int(1000 * min(settings.task_cpus, share)))
    options += ["--execution.task-cpus", repr(thousandths / 1000)]
    if together > 1 and not use_gpu:
        cores = max(1, min(each, (os.cpu_count() or 1) // together))
        options += ["--execution.training-threads", str(settings.training_threads or cores)]
    return options
