"""What all vectors of a run have in common: the initialisation, an artefact with a hash that every vector refers to."""

import torch

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.field import DescentField
from hdray.fitting.initialisation import fitted_start, random_start
from hdray.pipeline.cluster import Resources, use_threads
from hdray.pipeline.field import field_of
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import ACCEPTED
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import read_bytes, write_bytes

REASONS_NAMED = 3


def initialisation_url(run: RunDirectory) -> str:
    """Where the common initialisation lies."""
    return run.path("shared", "initialisation.safetensors")


def read_initialisation(url: str) -> tuple[torch.Tensor, str]:
    """The common initialisation (D,) and its hash."""
    from safetensors.torch import load

    content = read_bytes(url)
    return load(content)["theta"], content_hash(content)


def ensure_initialisation(run: RunDirectory, config: Config, inputs: list[Input], resources: Resources) -> str:
    """Make the run's common initialisation if it is not there, and return its hash.

    `random`: one seeded draw. `fitted`: the first accepted training shape in order of ids, fitted from that draw
    (HyperDiffusion, section 4, "Weight Initialization"; explicit here because it fails silently in the published code).
    `independent`, and what is not fitted by descent has zeros.

    Raises UserError where no training shape can be read.
    """
    url = initialisation_url(run)
    if not run.has("shared", "initialisation.safetensors"):
        from safetensors.torch import save

        field = field_of(config)
        if not isinstance(field, DescentField):
            theta, based_on = random_start(field, config.seed), f"zeros, as nothing descends to {config.field.kind}"
        elif config.fit.initialisation == "fitted":
            theta, based_on = _fit_first(config, inputs, resources)  # (D,)
        elif config.fit.initialisation == "independent":
            theta, based_on = torch.zeros(field.layout.size), "zeros, as each shape starts from a draw of its own"
        else:
            theta, based_on = random_start(field, config.seed), "random draw"
        write_bytes(url, save({"theta": theta.contiguous()}, {"based_on": based_on}))
        print(f"common initialisation: {based_on}", flush=True)
    return read_initialisation(url)[1]


def _fit_first(config: Config, inputs: list[Input], resources: Resources) -> tuple[torch.Tensor, str]:
    import ray

    options = {"num_cpus": config.execution.task_cpus, "num_gpus": resources.gpus_per_actor}
    task = ray.remote(_fit_one).options(**options)
    reasons = []
    for item in inputs:
        if item.split == "train" and not item.reason:
            fitted = ray.get(task.remote(config, item))
            if isinstance(fitted, torch.Tensor):
                return fitted, f"fit of {item.source} ({item.id})"
            reasons.append(f"{item.source}: {fitted}")
    first = "; ".join(reasons[:REASONS_NAMED])
    raise UserError(f"none of the {len(reasons)} training shapes can be used, so there is nothing to fit ({first})")


def _fit_one(config: Config, item: Input) -> torch.Tensor | str:
    """The vector of one shape fitted from the random draw, or the reason why it has none. Runs in a Ray task."""
    from hdray.pipeline.fitting import stack, times_of
    from hdray.pipeline.sampling import SamplingActor

    use_threads(config.execution.fitting_threads)
    row = SamplingActor(config).row({"id": item.id, "source": item.source})
    if row["status"] != ACCEPTED:
        return str(row["reason"])
    points, labels = stack([row], "points")[0], stack([row], "labels")[0]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    field = field_of(config)
    assert isinstance(field, DescentField), "nothing else is descended to"
    theta = fitted_start(field, points, labels, config.fit, item.id, config.seed, device, times_of(config))
    return theta if bool(theta.isfinite().all()) else "its fit diverged; a lower fit.learning_rate would be right"
