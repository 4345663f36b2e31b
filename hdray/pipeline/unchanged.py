"""Whether files, and what is said of them, are still what their rows were made from."""

from collections.abc import Sequence

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.inputs import Input, read_content
from hdray.pipeline.run_directory import content_hash
from hdray.signals.rejection import Rejected


def check_unchanged(
    table: CommittedTable,
    where: str,
    config: Config,
    inputs: Sequence[Input],
    started: float,
    instead: str = "another --run",
) -> None:
    """Files modified since the table was begun must still hold what its rows were made from.

    `started`: seconds since 1970. Raises UserError naming a file that does not, `where` the table is, and what to give instead.
    """
    suspects = [item for item in inputs if item.modified > started]
    rows = table.read(["content_hash"]) if suspects else None
    if rows is None:
        return
    hashes = dict(zip(rows["id"].to_pylist(), rows["content_hash"].to_pylist(), strict=True))
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
                f"{config.data}/{item.source} has changed since {where} read it; put the former file back, or give "
                f"{instead}"
            )


def changed_categories(table: CommittedTable, where: str, inputs: Sequence[Input]) -> str:
    """What to tell who has given shapes another category than their rows name, which what is measured goes by; else empty."""
    rows = table.read(["category"])
    if rows is None:
        return ""
    former = dict(zip(rows["id"].to_pylist(), rows["category"].to_pylist(), strict=True))
    # Rows from before there were categories name none.
    changed = [item for item in inputs if former.get(item.id) is not None and former[item.id] != item.category]
    if not changed:
        return ""
    first = changed[0]
    return (
        f"{len(changed)} shapes are of another category than when {where} read them, {first.source} for one (it was "
        f"{former[first.id]!r} and is now {first.category!r}); what is measured of categories goes by the former ones. For the "
        f"new ones, give another --run, and --fits {where}, which takes the fits over"
    )
