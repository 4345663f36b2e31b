"""Which fitted shapes the generator is trained on: the one place that decides it. References are never filtered."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import ACCEPTED, Fitted, instances_schema, instances_table, read_columns, read_fitted
from hdray.pipeline.lists import few, named, read_names
from hdray.pipeline.run_directory import RunDirectory, content_hash

if TYPE_CHECKING:
    import pyarrow

EXCLUDED = ("training", "excluded.json")
"""Ids that inputs.exclude_file names, as it was when training began: other machines need not see the file."""


def read_training(run: RunDirectory, config: Config) -> Fitted:
    """The shapes of the train split that pass the quality gate, the limit of self-intersection and the list of exclusions.

    Raises UserError where there is none.
    """
    return read_fitted(
        run, ["train"], config.fit.minimum_near_iou, config.inputs.max_self_intersection, excluded_ids(run, config)
    )


def read_seen(run: RunDirectory, config: Config) -> Fitted:
    """The shapes of the train split but for excluded ones, however good their fits are, as held-out ones are taken too.

    Raises UserError where there is none.
    """
    return read_fitted(run, ["train"], excluded=excluded_ids(run, config))


def trained_on(config: Config, inputs: Sequence[Input]) -> list[str]:
    """The ids, sorted, of the shapes that anything may be learned from: the training split's, but for excluded ones."""
    excluded = excluded_sources(config, [item.source for item in inputs])
    return sorted(
        item.id for item in inputs if item.split == "train" and not item.reason and item.source not in excluded
    )


def excluded_sources(config: Config, sources: Iterable[str]) -> set[str]:
    """The sources that inputs.exclude_file names; none without one.

    Raises UserError where it names none of them, or not clearly.
    """
    url = config.inputs.exclude_file
    if not url:
        return set()
    sources, names = sorted(sources), read_names(url)
    found = {source for source in named(sources, names, url).values() if source is not None}
    if not found:
        raise UserError(
            f"inputs.exclude_file {url} names none of the {len(sources)} shapes; it has {names[0]}, they are such as "
            f"{next(iter(sources), 'none')}: give paths in the data, files' names, or these without extension"
        )
    return found


def unmatched_names(config: Config, sources: Iterable[str]) -> str:
    """A line on the names in inputs.exclude_file that are no source's; empty where there are none."""
    url = config.inputs.exclude_file
    meant = named(sources, read_names(url), url) if url else {}
    unknown = [name for name, source in meant.items() if source is None]
    return f"{len(unknown)} of the {len(meant)} names in {url} are no shape's: {few(unknown)}" if unknown else ""


def exclusions_hash(config: Config) -> dict[str, str]:
    """What training depends on beside the instances: the content of inputs.exclude_file, where there is one."""
    url = config.inputs.exclude_file
    return {"the list of excluded shapes": content_hash(*sorted(set(read_names(url))))} if url else {}


def keep_exclusions(run: RunDirectory, config: Config) -> None:
    """Keep in the run which of its shapes inputs.exclude_file names, and say which names are no shape's.

    Raises UserError where it names none of them, or not clearly.
    """
    if not config.inputs.exclude_file:
        return
    table = read_columns(run, ["source"])
    ids = dict(zip(table["source"].to_pylist(), table["id"].to_pylist(), strict=True))
    run.write_json(sorted(ids[source] for source in excluded_sources(config, ids)), *EXCLUDED)
    if remark := unmatched_names(config, ids):
        print(remark, flush=True)


def check_measured(run: RunDirectory, config: Config) -> None:
    """Raise UserError where self-intersection is to be limited, but was not measured when the run's shapes were read."""
    if config.inputs.max_self_intersection == 1:
        return
    table = instances_table(run).read(["source", "split", "status", "reason", "self_intersection"], instances_schema())
    rows = [] if table is None else _trainable(table)
    if unmeasured := [row["source"] for row in rows if row["self_intersection"] is None]:
        raise UserError(
            f"inputs.max_self_intersection is {config.inputs.max_self_intersection}, but {run.url} fitted "
            f"{len(unmeasured)} shapes for training, {unmeasured[0]} for one, while it was 1, which measures nothing, and "
            "files are read only once; give another --run to fit all shapes with it, or leave it at 1 and name the shapes "
            "that are not to be trained on in an --inputs.exclude-file"
        )


def left_out(run: RunDirectory, config: Config) -> dict[str, int]:
    """How many fitted shapes of the train split each rule leaves out; rules that are off are not named."""
    rows = _trainable(read_columns(run, ["split", "status", "reason", "near_iou", "self_intersection"]))
    gate, most, excluded = config.fit.minimum_near_iou, config.inputs.max_self_intersection, excluded_ids(run, config)
    counts = {}
    if gate:
        counts["fit.minimum_near_iou"] = sum(row["near_iou"] is not None and row["near_iou"] < gate for row in rows)
    if most < 1:
        shares = [row["self_intersection"] for row in rows]
        # NaN, too much to measure, is within no limit.
        counts["inputs.max_self_intersection"] = sum(share is None or not share <= most for share in shares)
    if config.inputs.exclude_file:
        counts["inputs.exclude_file"] = sum(row["id"] in excluded for row in rows)
    return counts


def _trainable(table: "pyarrow.Table") -> list[dict[str, Any]]:
    """The rows of fitted shapes of the train split, before any rule."""
    return [
        row
        for row in table.to_pylist()
        if row["split"] == "train" and row["status"] == ACCEPTED and row["reason"] is None
    ]


def excluded_ids(run: RunDirectory, config: Config) -> set[str]:
    """Ids that are not trained on because inputs.exclude_file names them; before training begins none."""
    return set(run.read_json(*EXCLUDED)) if config.inputs.exclude_file and run.has(*EXCLUDED) else set()
