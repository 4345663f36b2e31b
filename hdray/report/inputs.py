"""Inputs on the page: the funnel from files to shapes, what was left out and why, and the repairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hdray.report.data import InstanceRow

_FUNNEL = ("inputs", "accepted", "rejected", "fitted", "passed", "generated", "empty")
_FILES_NAMED = 40  # of each repair


@dataclass(frozen=True)
class FunnelStage:
    """One bar: `percent` is its length, `kind` its colour (a class of the style sheet)."""

    name: str
    count: int
    percent: float
    note: str
    kind: str = ""


def funnel(counts: Mapping[str, int]) -> list[FunnelStage]:
    """Bars for the counts there are: inputs and what became of them, then generated shapes."""
    stages = [
        ("inputs", "Inputs", "files that look like shapes", ""),
        ("rejected", "Rejected", "each with its reason below", "lost"),
        ("accepted", "Accepted", "", ""),
        ("fitted", "Fitted", "became a vector of weights", ""),
        ("passed", "Passed the gate", "good enough to be trained on", ""),
        ("generated", "Generated", "drawn from the model", "generated"),
        ("empty", "Empty", "no surface; counted as misses by the metrics", "lost"),
    ]
    largest = max([counts.get("inputs", 0), counts.get("generated", 0), 1])
    return [
        FunnelStage(name, counts[key], round(100 * counts[key] / largest, 2), note, kind)
        for key, name, note, kind in stages
        if key in counts
    ]


def other_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that the funnel does not show."""
    return {key: value for key, value in counts.items() if key not in _FUNNEL}


@dataclass(frozen=True)
class LeftOut:
    """One input that no training has seen, against its will."""

    source: str
    id: str
    stage: str
    reason: str


def left_out(instances: Sequence[InstanceRow], gate: float | None) -> list[LeftOut]:
    """Every rejected input, then every fit that diverged or is below the gate, each sorted by file."""
    rejected = [
        LeftOut(row.source, row.id, "reading", row.reason or "no reason was recorded")
        for row in instances
        if row.status == "rejected"
    ]
    poor = [
        LeftOut(row.source, row.id, "quality gate", f"near-surface IoU {row.near_iou:.3f}, below {gate:g}")
        for row in instances
        if row.status != "rejected" and gate is not None and row.near_iou is not None and row.near_iou < gate
    ]
    poor += [
        LeftOut(row.source, row.id, "fitting", row.reason)
        for row in instances
        if row.status != "rejected" and row.near_iou is None and row.reason
    ]
    return sorted(rejected, key=lambda row: row.source) + sorted(poor, key=lambda row: row.source)


@dataclass(frozen=True)
class Repair:
    """One kind of repair, and the files it was applied to."""

    name: str
    count: int
    files: str


def repairs(instances: Sequence[InstanceRow]) -> list[Repair]:
    """Repairs by how often they were applied."""
    files: dict[str, list[str]] = {}
    for row in instances:
        for name in row.repairs:
            files.setdefault(name, []).append(row.source)
    result = []
    for name, sources in sorted(files.items(), key=lambda item: (-len(item[1]), item[0])):
        named = ", ".join(sorted(sources)[:_FILES_NAMED])
        more = len(sources) - _FILES_NAMED
        result.append(Repair(name, len(sources), named + (f" and {more} more" if more > 0 else "")))
    return result
