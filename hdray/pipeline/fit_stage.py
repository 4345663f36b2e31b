"""Meshes to fields: sampling actors stream into fitting actors into one exactly-once Parquet write."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.kinds import kind_of, name_keys
from hdray.pipeline.belonging import check_vectors
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.inputs import Input, Listing, list_inputs
from hdray.pipeline.instances import instances_hash, instances_table, manifest_schema, read_columns
from hdray.pipeline.networks import STAGE as SHARE_STAGE
from hdray.pipeline.networks import ensure_networks, read_networks
from hdray.pipeline.other_fits import check_other, clear_fits, learned
from hdray.pipeline.point_store import STAGE as SAMPLE_STAGE
from hdray.pipeline.point_store import StoredPoints, ensure_points, point_files, points_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.sampling import SamplingActor
from hdray.pipeline.shared import ensure_initialisation, initialised
from hdray.pipeline.training_rows import check_measured
from hdray.pipeline.unchanged import changed_categories, check_unchanged

if TYPE_CHECKING:
    import torch
    from ray.data import Dataset

STAGE = "fit"
TRAINING_KEYS = ("fit.minimum_near_iou", "inputs.exclude_file", "inputs.max_self_intersection")
"""Keys of these sections that say which of the instances are trained on, and so act on none, unless something is learned first."""
SLOWEST_STEP_S = 0.02
"""Seconds a step of one shape takes on the slowest machine we expect: how long silence is not yet a hang."""


def fit_keys(config: Config) -> dict[str, object]:
    """The result keys that the instances depend on, and the name of a kind of one's own."""
    sections = ("inputs", "signal", "field", "fit", *(("shared",) if kind_of(config.field.kind).network else ()))
    keys = result_keys(config, "", *sections)
    kept = {key: value for key, value in keys.items() if key not in TRAINING_KEYS} | name_keys(config.field.kind)
    if config.inputs.exclude_file and learned(kept):  # what was learned was not from these
        kept["inputs.exclude_file"] = config.inputs.exclude_file
    return kept


def check_fit(run: RunDirectory, config: Config, listing: Listing | None = None) -> tuple[list[Input], list[str]]:
    """Everything that can be wrong before work starts; the run's inputs, and the files of the data that are none.

    `listing`: of the data, where it is known already.

    Raises UserError: the data does not serve, or the run's instances were made from other contents of its files, or lack
    what training asks for.
    """
    inputs, others = list_inputs(config, listing)
    if config.fits:
        check_other(run, RunDirectory(config.fits), STAGE, fit_keys(config))
    record = run.record(STAGE)
    check_measured(RunDirectory(config.fits) if config.fits and record is None else run, config)
    if record is not None and run.has("commits"):
        check_unchanged(instances_table(run), run.url, config, inputs, record["started"])
    return inputs, others


def check_no_more(run: RunDirectory, inputs: list[Input]) -> None:
    """Raise UserError where there are inputs that the table lacks: what was trained on it would no longer follow from it."""
    done = instances_table(run).committed()
    if more := sorted(item.source for item in inputs if item.id not in done):
        raise UserError(
            f"the generator in {run.url} was trained before {len(more)} shapes were added to the data, {more[0]} for one; "
            "take them out, or give another --run to fit and train on all"
        )


def run_fit(run: RunDirectory, config: Config, inputs: list[Input], others: list[str], resources: Resources) -> None:
    """Fit every input that the instances table does not hold yet."""
    if others:
        print(f"{len(others)} files of {config.data} are not shapes and are left alone: {', '.join(others)}")
    if run.record(STAGE) is None:
        clear_fits(run)
    made = run.begin(STAGE, fit_keys(config), {}, "commits")
    clock = Clock()
    done = instances_table(run).committed()
    missing = [item for item in inputs if item.id not in done]
    if said := changed_categories(instances_table(run), run.url, inputs):
        print(f"warning: {said}", flush=True)
    if missing:
        if made["complete"]:
            run.reopen(STAGE)
        points, networks = _ensure_shared(run, config, inputs, missing, resources, clock)
        shared_hash = ensure_initialisation(run, config, inputs, points, networks, resources)
        if done:  # before more are fitted with what the others were not
            check_vectors(run, read_columns(run, ["shared_hash"])["shared_hash"].to_pylist())
        print(f"fitting {len(missing)} shapes ({len(inputs) - len(missing)} are done), shared hash {shared_hash}")
        _stream(run, config, missing, points, resources)
    if missing or not made["complete"]:
        run.finish(STAGE, clock.seconds, output=instances_hash(run))


def _ensure_shared(
    run: RunDirectory, config: Config, inputs: list[Input], missing: list[Input], resources: Resources, clock: Clock
) -> tuple[RunDirectory | None, dict[str, "torch.Tensor"]]:
    """Where the points lie, of runs that learn from them first or share them with others, and the networks that instances share.

    Both are made, or waited for, unless they are there; networks lie in the run itself once it is initialised. The stage's
    record says what it used. `missing`: the inputs that are still to be fitted.
    """
    network, points = kind_of(config.field.kind).network, None
    networks: dict[str, torch.Tensor] = {}
    learned_from = network or config.fit.initialisation == "meta"
    former, begun = (run.record(STAGE) or {}).get("uses") or {}, initialised(run)
    if learned_from or config.store:
        with clock.aside():
            points = ensure_points(config, inputs if learned_from else missing, resources)
        clock.used(SAMPLE_STAGE, points)
    if network and not begun:
        assert points is not None, "networks are trained on them"
        with clock.aside():
            directory = ensure_networks(config, inputs, points, resources)
        clock.used(SHARE_STAGE, directory)
        networks = read_networks(directory)
    if not begun or clock.uses:
        run.note(STAGE, uses={**former, **clock.uses})
    return points, networks


def _stream(
    run: RunDirectory, config: Config, missing: list[Input], points: RunDirectory | None, resources: Resources
) -> None:
    """Read the manifest -> sample -> fit -> write, one Ray Data pipeline with memory flat in the number of shapes.

    Where there are `points` they are read instead of sampled.
    """
    import pyarrow as pa

    schema = manifest_schema()
    manifest = pa.Table.from_pylist([{name: asdict(item)[name] for name in schema.names} for item in missing], schema)
    actor: type = SamplingActor
    arguments: dict[str, Any] | None = None
    if points:
        actor, arguments = StoredPoints, {"rows_url": points_table(points).rows_url, "files": point_files(points)}
    instances_table(run).append(
        run.path("stages", "fit-manifest.parquet"),
        manifest,
        lambda rows: sample_and_fit(rows, run, config, resources, actor, arguments),
        what="shapes fitted",
        cpus=config.execution.task_cpus,
        progress_s=config.execution.progress_s,
        silence_s=config.fit.batch_size * (config.fit.steps * SLOWEST_STEP_S + config.signal.time_limit_s),
    )


def sample_and_fit(
    rows: "Dataset",
    run: RunDirectory,
    config: Config,
    resources: Resources,
    sampling_actor: type = SamplingActor,
    arguments: Mapping[str, Any] | None = None,
) -> "Dataset":
    """From rows of the manifest to rows of the instances table, streamed between two pools of actors.

    `arguments`: what the sampling actor is made with, unless it is the configuration.
    """
    from ray.data import ActorPoolStrategy

    from hdray.pipeline.fitting import FittingActor

    cpus = config.execution.task_cpus
    sampled = rows.map_batches(
        sampling_actor,
        fn_constructor_kwargs={"config": config} if arguments is None else dict(arguments),
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
