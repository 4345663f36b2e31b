"""Meshes to fields: sampling actors stream into fitting actors into one exactly-once Parquet write."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import field_of
from hdray.pipeline.inputs import Input, list_inputs, read_content
from hdray.pipeline.instances import instances_hash, instances_table, manifest_schema
from hdray.pipeline.other_fits import check_other
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.sampling import SamplingActor
from hdray.pipeline.shared import ensure_initialisation, initialisation_url
from hdray.pipeline.training_rows import check_measured
from hdray.signals.rejection import Rejected

if TYPE_CHECKING:
    from ray.data import Dataset

STAGE = "fit"
TRAINING_KEYS = ("fit.minimum_near_iou", "inputs.exclude_file", "inputs.max_self_intersection")
"""Keys of these sections that say which of the instances are trained on, and so act on no instance."""
SLOWEST_STEP_S = 0.02
"""Seconds a step of one shape takes on the slowest machine we expect: how long silence is not yet a hang."""


def fit_keys(config: Config) -> dict[str, object]:
    """The result keys that the instances depend on."""
    keys = result_keys(config, "", "inputs", "signal", "field", "fit")
    return {key: value for key, value in keys.items() if key not in TRAINING_KEYS}


def check_fit(run: RunDirectory, config: Config) -> tuple[list[Input], list[str]]:
    """Everything that can be wrong before work starts; the run's inputs, and the files of the data that are none.

    Raises UserError: the data does not serve, or the run's instances were made from other contents of its files, or lack
    what training asks for.
    """
    field_of(config)  # refuses kinds that need what all shapes share and no run has
    inputs, others = list_inputs(config)
    if config.fits:
        check_other(run, RunDirectory(config.fits), STAGE, fit_keys(config))
    record = run.record(STAGE)
    check_measured(RunDirectory(config.fits) if config.fits and record is None else run, config)
    if record is not None and run.has("commits"):
        _check_unchanged(run, config, [item for item in inputs if item.modified > record["started"]])
    return inputs, others


def check_no_more(run: RunDirectory, inputs: list[Input]) -> None:
    """Raise UserError where there are inputs that the table lacks: what was trained on it would no longer follow from it."""
    done = instances_table(run).committed()
    if more := sorted(item.source for item in inputs if item.id not in done):
        raise UserError(
            f"the generator in {run.url} was trained before {len(more)} shapes were added to the data, {more[0]} for one; "
            "take them out, or give another --run to fit and train on all"
        )


def _check_unchanged(run: RunDirectory, config: Config, suspects: list[Input]) -> None:
    """Files modified since the stage began must still hold what was fitted. Raises UserError naming the file."""
    if not suspects:
        return
    table = instances_table(run).read(["content_hash"])
    if table is None:
        return
    hashes = dict(zip(table["id"].to_pylist(), table["content_hash"].to_pylist(), strict=True))
    for item in suspects:
        former = hashes.get(item.id)
        if former is None:
            continue
        try:
            now = content_hash(read_content(config, item.source)[0])
        except Rejected:  # it cannot be read any more
            now = None
        if now != former:
            raise UserError(
                f"{config.data}/{item.source} has changed since {run.url} fitted it; "
                "put the former file back, or give another --run"
            )


def run_fit(run: RunDirectory, config: Config, inputs: list[Input], others: list[str], resources: Resources) -> None:
    """Fit every input that the instances table does not hold yet."""
    if others:
        print(f"{len(others)} files of {config.data} are not shapes and are left alone: {', '.join(others)}")
    if run.record(STAGE) is None:
        run.remove("shared")  # a first attempt that came to nothing may have left a start made with other values
    made = run.begin(STAGE, fit_keys(config), {}, "commits")
    begin = time.monotonic()
    done = instances_table(run).committed()
    missing = [item for item in inputs if item.id not in done]
    if missing:
        if made["complete"]:
            run.reopen(STAGE)
        shared_hash = ensure_initialisation(run, config, inputs, resources)
        print(f"fitting {len(missing)} shapes ({len(inputs) - len(missing)} are done), shared hash {shared_hash}")
        _stream(run, config, missing, resources)
    if missing or not made["complete"]:
        run.finish(STAGE, time.monotonic() - begin, output=instances_hash(run))


def _stream(run: RunDirectory, config: Config, missing: list[Input], resources: Resources) -> None:
    """Read the manifest -> sample -> fit -> write, one Ray Data pipeline with memory flat in the number of shapes."""
    import pyarrow as pa

    schema = manifest_schema()
    manifest = pa.Table.from_pylist([{name: asdict(item)[name] for name in schema.names} for item in missing], schema)
    instances_table(run).append(
        run.path("stages", "fit-manifest.parquet"),
        manifest,
        lambda rows: sample_and_fit(rows, run, config, resources),
        what="shapes fitted",
        cpus=config.execution.task_cpus,
        progress_s=config.execution.progress_s,
        silence_s=config.fit.batch_size * (config.fit.steps * SLOWEST_STEP_S + config.signal.time_limit_s),
    )


def sample_and_fit(
    rows: "Dataset", run: RunDirectory, config: Config, resources: Resources, sampling_actor: type = SamplingActor
) -> "Dataset":
    """From rows of the manifest to rows of the instances table, streamed between two pools of actors."""
    from ray.data import ActorPoolStrategy

    from hdray.pipeline.fitting import FittingActor

    cpus = config.execution.task_cpus
    sampled = rows.map_batches(
        sampling_actor,
        fn_constructor_kwargs={"config": config},
        batch_size=1,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=resources.sampling_actors),
        num_cpus=cpus,
    )
    return sampled.map_batches(
        FittingActor,
        fn_constructor_kwargs={"config": config, "initialisation_url": initialisation_url(run)},
        batch_size=config.fit.batch_size,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=resources.fitting_actors),
        num_cpus=cpus,
        num_gpus=resources.gpus_per_actor or None,
    )
