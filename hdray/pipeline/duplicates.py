"""Copies among the inputs, found by their geometry: none may be tested on, or count twice, because it has another name."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hdray.config.tree import Config
from hdray.pipeline.cluster import Resources
from hdray.pipeline.comparing import Comparing
from hdray.pipeline.groups import Groups
from hdray.pipeline.inputs import Input
from hdray.pipeline.instances import instances_table, read_columns
from hdray.pipeline.lists import few
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.splits import with_splits
from hdray.signals.fingerprint import ALIKE, SAME


def with_duplicates(run: RunDirectory, config: Config, inputs: list[Input], resources: Resources) -> list[Input]:
    """The inputs with what they are copies of, and with splits that keep copies together (`inputs.duplicates`).

    What the run's table holds already keeps its split; a copy of it follows. Nothing is looked for where nothing is to be
    fitted. Raises UserError where the splits do not work out (see `with_splits`).
    """
    done = instances_table(run).committed()
    mode = config.inputs.duplicates
    if mode == "ignore" or not config.data or all(item.id in done for item in inputs):
        return inputs
    fixed, first = {}, set()
    if done:
        rows = read_columns(run, ["split", "duplicate_of"]).to_pylist()
        fixed = {row["id"]: row["split"] for row in rows}
        first = {row["id"] for row in rows if row["duplicate_of"] is None}
    comparing = Comparing(run, config, resources)
    groups = same_geometry(inputs, comparing.fingerprints(inputs).to_pylist(), comparing.distances)
    members: dict[str, list[Input]] = defaultdict(list)
    for item in inputs:
        members[groups.of(item.id)].append(item)
    copies: dict[str, Input] = {}  # of what each is
    for group in members.values():
        group.sort(key=lambda item: (item.id not in first, item.id not in done, item.id))
        copies.update({item.id: group[0] for item in group[1:]})
    marked = []
    for item in inputs:
        if of := copies.get(item.id):
            item = replace(item, duplicate_of=of.id, reason=f"a duplicate of {of.source}" if mode == "drop" else None)
        marked.append(item)
    marked = with_splits(config, marked, fixed)
    _report(marked, config)
    return marked


def same_geometry(
    inputs: Sequence[Input],
    rows: Sequence[Mapping[str, Any]],
    distances: Callable[[list[tuple[Input, Input]]], list[float]],
) -> Groups:
    """The ids of `inputs`, those of one geometry in one group.

    `rows` are their fingerprints. Equal bytes are equal; whose numbers are alike are compared by the distance of their
    surfaces. Pairs are asked for in rounds, the most alike first, and none within a group that is known: copies of one
    shape cost as many comparisons as there are copies.
    """
    from scipy.spatial import cKDTree

    groups = Groups()
    by_content: dict[str, Input] = {}
    unlike, numbers = [], []
    for item, row in zip(inputs, rows, strict=True):
        if row["numbers"] is None:
            continue
        same = by_content.setdefault(row["content_hash"], item)
        if same is item:
            unlike.append(item)
            numbers.append(row["numbers"])
        groups.join(same.id, item.id)
    if len(unlike) < 2:
        return groups
    table = np.array(numbers)  # (N, numbers)
    pairs = cKDTree(table).query_pairs(ALIKE, p=np.inf, output_type="ndarray")  # (n, 2)
    order = np.abs(table[pairs[:, 0]] - table[pairs[:, 1]]).max(axis=1, initial=0).argsort(kind="stable")
    waiting = [(unlike[one], unlike[other]) for one, other in pairs[order]]
    while waiting:
        perhaps = groups.copy()
        asked = [pair for pair in waiting if perhaps.join(pair[0].id, pair[1].id)]
        for (one, other), distance in zip(asked, distances(asked), strict=True):
            if distance <= SAME:
                groups.join(one.id, other.id)
        settled = set(map(_ids, asked))
        waiting = [
            pair for pair in waiting if _ids(pair) not in settled and groups.of(pair[0].id) != groups.of(pair[1].id)
        ]
    return groups


def _ids(pair: tuple[Input, Input]) -> tuple[str, str]:
    return pair[0].id, pair[1].id


def _report(inputs: list[Input], config: Config) -> None:
    """Say what was found, and which copies lie in different splits all the same."""
    by_id = {item.id: item for item in inputs}
    copies = [(item, by_id[item.duplicate_of]) for item in inputs if item.duplicate_of]
    if not copies:
        return
    together = "split as inputs.split_file says" if config.inputs.split_file else "together in one split"
    what = "left out" if config.inputs.duplicates == "drop" else together
    pairs = [f"{item.source} of {of.source}" for item, of in copies]
    print(f"{len(copies)} of {len(inputs)} shapes are duplicates of others, {what}: {few(pairs)}", flush=True)
    apart = [
        f"{item.source} ({item.split}) of {of.source} ({of.split})"
        for item, of in copies
        if item.split != of.split and not item.reason
    ]
    if apart:
        print(f"warning: {len(apart)} duplicates lie in another split than the first: {few(apart)}", flush=True)
