"""What all vectors of a run have in common, an artefact with a hash that every vector refers to.

That is where fits start, and for some kinds of fields networks and masks: what a vector means depends on all of it.
"""

from collections.abc import Mapping

import torch

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.field import DescentField
from hdray.fields.sharing import draw_shared
from hdray.fitting.initialisation import fitted_start, random_start
from hdray.fitting.meta_start import meta_start
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.field import DRAWN, TRAINED, field_with, initialisation_url
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import ACCEPTED
from hdray.pipeline.point_store import read_points
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.training_rows import trained_on
from hdray.seeds import torch_stream

REASONS_NAMED = 3


def read_initialisation(url: str) -> tuple[torch.Tensor, str]:
    """The common initialisation (D,) and its hash."""
    from safetensors.torch import load

    content = read_bytes(url)
    return load(content)["theta"], content_hash(content)


def initialised(run: RunDirectory) -> bool:
    """Whether what the run's vectors have in common is there."""
    return run.has("shared", "initialisation.safetensors")


def ensure_initialisation(
    run: RunDirectory,
    config: Config,
    inputs: list[Input],
    points: RunDirectory | None,
    trained: Mapping[str, torch.Tensor],
    resources: Resources,
) -> str:
    """Make what the run's vectors have in common if it is not there, and return its hash.

    `points`: where the points lie that a start is learned from, of runs that have such. `trained`: the networks that the
    instances share, by name; they are read only where nothing is there yet. Fits start, as
    `fit.initialisation` says: `random`: from one seeded draw. `fitted`: from the first accepted training shape in order of
    ids, fitted from that draw (HyperDiffusion, section 4, "Weight Initialization"; explicit here because it fails silently
    in the published code). `meta`: learned from all training shapes, by hdray.fitting.meta_start. `independent`, and what is
    not fitted by descent, has zeros.

    Raises UserError where no training shape can be read.
    """
    url = initialisation_url(run)
    if not initialised(run):
        from safetensors.torch import save

        drawn = _drawn(config)
        shared = {**trained, **drawn}
        field = field_with(config, shared)
        if not isinstance(field, DescentField):
            theta, based_on = random_start(field, config.fit_seed), f"zeros, as nothing descends to {config.field.kind}"
        elif config.fit.initialisation == "fitted":
            theta, based_on = _fit_first(config, shared, inputs, resources)  # (D,)
        elif config.fit.initialisation == "meta":
            assert points is not None, "the fit stage sees to it"
            theta, based_on = _learn_start(config, shared, inputs, points, resources)  # (D,)
        elif config.fit.initialisation == "independent":
            theta, based_on = torch.zeros(field.layout.size), "zeros, as each shape starts from a draw of its own"
        else:
            theta, based_on = random_start(field, config.fit_seed), "random draw"
        tensors = {"theta": theta}
        for prefix, part in ((TRAINED, trained), (DRAWN, drawn)):
            tensors |= {f"{prefix}{name}": tensor for name, tensor in part.items()}
        write_bytes(url, save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"based_on": based_on}))
        print(f"common initialisation: {based_on}", flush=True)
    return read_initialisation(url)[1]


def _drawn(config: Config) -> dict[str, torch.Tensor]:
    return draw_shared(config.field, torch_stream(config.seed, "masks"), 4 if config.signal.frames else 3)


def _fit_first(
    config: Config, shared: Mapping[str, torch.Tensor], inputs: list[Input], resources: Resources
) -> tuple[torch.Tensor, str]:
    import ray

    task = ray.remote(_fit_one).options(**_like_a_fit(config, resources))
    reasons = []
    for item in inputs:
        if item.split == "train" and not item.reason:
            fitted = ray.get(task.remote(config, shared, item))
            if isinstance(fitted, torch.Tensor):
                return fitted, f"fit of {item.source} ({item.id})"
            reasons.append(f"{item.source}: {fitted}")
    first = "; ".join(reasons[:REASONS_NAMED])
    raise UserError(f"none of the {len(reasons)} training shapes can be used, so there is nothing to fit ({first})")


def _learn_start(
    config: Config, shared: Mapping[str, torch.Tensor], inputs: list[Input], points: RunDirectory, resources: Resources
) -> tuple[torch.Tensor, str]:
    import ray

    ids = trained_on(config, inputs)
    print(
        f"learning the start from {len(ids)} shapes, {min(config.fit.batch_size, len(ids))} of them in each of "
        f"{config.fit.meta_rounds} rounds",
        flush=True,
    )
    task = ray.remote(_learn_in_task).options(**_like_a_fit(config, resources))
    theta, count = ray.get(task.remote(config, shared, points.url, ids))
    if not bool(theta.isfinite().all()):
        raise UserError(
            "learning the start diverged (fit.initialisation = meta); a lower fit.learning_rate would be right"
        )
    return theta, f"learned from {count} training shapes"


def _like_a_fit(config: Config, resources: Resources) -> dict[str, float]:
    """What a task that fits asks of Ray."""
    return {"num_cpus": config.execution.task_cpus, "num_gpus": resources.gpus_per_actor}


def _learn_in_task(
    config: Config, shared: Mapping[str, torch.Tensor], points_url: str, ids: list[str]
) -> tuple[torch.Tensor, int]:
    """The learned start (D,), and how many shapes it is learned from. Runs in a Ray task, as many threads as it may use."""
    from hdray.pipeline.fitting import times_of

    found = read_points(RunDirectory(points_url), ids)
    use_threads(config.execution.training_threads)
    device = worker_device()
    field = field_with(config, shared)
    assert isinstance(field, DescentField), "nothing else has a start"
    return meta_start(field, found, config.fit, config.fit_seed, device, times_of(config)), len(found.ids)


def _fit_one(config: Config, shared: Mapping[str, torch.Tensor], item: Input) -> torch.Tensor | str:
    """The vector of one shape fitted from the random draw, or the reason why it has none. Runs in a Ray task."""
    from hdray.pipeline.fitting import stack, times_of
    from hdray.pipeline.sampling import SamplingActor

    use_threads(config.execution.fitting_threads)
    row = SamplingActor(config).row({"id": item.id, "source": item.source})
    if row["status"] != ACCEPTED:
        return str(row["reason"])
    points, labels = stack([row], "points")[0], stack([row], "labels")[0]
    device = worker_device()
    field = field_with(config, shared)
    assert isinstance(field, DescentField), "nothing else is descended to"
    theta = fitted_start(field, points, labels, config.fit, item.id, config.fit_seed, device, times_of(config))
    return theta if bool(theta.isfinite().all()) else "its fit diverged; a lower fit.learning_rate would be right"
