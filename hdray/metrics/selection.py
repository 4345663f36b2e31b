"""Which shapes of two sets a protocol compares: never more or fewer than it says, every exclusion counted."""

import math
from dataclasses import dataclass

import numpy as np

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import ShapeSet
from hdray.seeds import numpy_stream

INFLATION = 0.05
"""How far above 0.5 the 1-NNA of equal distributions may be without a warning."""


@dataclass(frozen=True)
class Selection:
    """The shapes that are compared."""

    generated: ShapeSet
    reference: ShapeSet
    misses: int
    """Generated shapes that gave no cloud and count as misses; see hdray.metrics.distribution."""
    unused: dict[str, int]
    """How many of each set were left aside."""


def select(generated: ShapeSet, reference: ShapeSet, protocol: Protocol, seed: int) -> Selection:
    """Apply the protocol's numbers of shapes. Raises UserError where a set is empty or too small for it.

    What a protocol draws from are sets of at least as many shapes as it draws.
    """
    for kind, shapes in (("generated", generated), ("reference", reference)):
        if not len(shapes) and (kind == "reference" or not shapes.excluded):
            raise UserError(f"there is no {kind} shape to compare{_example(shapes)}")
    if protocol.shapes and protocol.draws == 1:
        reference = _drawn(reference, protocol, seed)
    if protocol.equal or (protocol.shapes and protocol.draws == 1):
        return _as_many(generated, reference, protocol)
    if protocol.draws > 1:
        _check_pools(generated, reference, protocol)
    return Selection(generated, reference, len(generated.excluded), {"generated": 0, "reference": 0})


def draws(generated: int, reference: int, protocol: Protocol, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Indices of the shapes of each of the protocol's draws: `shapes` of either set, with replacement."""
    streams = (numpy_stream(seed, "draw of shapes", draw) for draw in range(protocol.draws))
    return [
        (stream.integers(generated, size=protocol.shapes), stream.integers(reference, size=protocol.shapes))
        for stream in streams
    ]


def duplicates(pool: int, drawn: int) -> float:
    """Expected share of shapes, `drawn` with replacement from a pool, that are drawn a second time in the same draw."""
    return 1 - (1 - 1 / pool) ** (drawn - 1)


def equal_nna(generated: int, reference: int, drawn: int) -> float:
    """Expected 1-NNA, of pools so large, of sets of one distribution: 0.5 but for the duplicates.

    A shape that is drawn twice is its own nearest neighbour, at distance 0, and so told apart. The nearest other shape
    of one that is not is any of the different ones in either set, each as likely.
    """
    found = []
    for pool, other in ((generated, reference), (reference, generated)):
        twice = duplicates(pool, drawn)
        own, others = _different(pool - 1, drawn - 1), _different(other, drawn)
        found.append(twice + (1 - twice) * own / (own + others))
    return sum(found) / 2


def draw_warnings(selection: Selection, protocol: Protocol) -> list[str]:
    """What a reader has to know before he compares metrics over draws with others', a sentence each."""
    if protocol.draws == 1:
        return []
    made, real = len(selection.generated) + selection.misses, len(selection.reference)
    expected = equal_nna(made, real, protocol.shapes)
    if expected - 0.5 < INFLATION:
        return []
    shares = [f"{duplicates(pool, protocol.shapes):.0%}" for pool in (made, real)]
    return [
        f"1-NNA is too high by about {expected - 0.5:.2f}: {protocol.shapes} shapes drawn with replacement from {made} "
        f"generated and {real} reference shapes hold {shares[0]} and {shares[1]} that are drawn twice, each its own "
        f"nearest neighbour; sets of one distribution would have {expected:.2f} instead of 0.5. More shapes to draw from "
        "lower it"
    ]


def _different(pool: int, drawn: int) -> float:
    """Expected number of different shapes among those drawn with replacement."""
    return pool * (1 - (1 - 1 / pool) ** drawn) if pool else 0.0


def _check_pools(generated: ShapeSet, reference: ShapeSet, protocol: Protocol) -> None:
    for kind, shapes, count in (
        ("generated", generated, len(generated) + len(generated.excluded)),
        ("reference", reference, len(reference)),
    ):
        if count < protocol.shapes:
            raise UserError(
                f"the protocol {protocol.name} draws {protocol.shapes} shapes of either set, and there are {count} {kind} "
                f"ones{_example(shapes)}; give {protocol.shapes} or more (hundreds: of a small set most are drawn twice, "
                "and 1-NNA tells them apart), or use the protocol none"
            )


def _drawn(reference: ShapeSet, protocol: Protocol, seed: int) -> ShapeSet:
    if len(reference) < protocol.shapes:
        raise UserError(
            f"the protocol {protocol.name} compares with {protocol.shapes} reference shapes, and there are "
            f"{len(reference)} ({len(reference.excluded)} excluded{_example(reference)}); give more, or use a protocol "
            "for sets of any size"
        )
    chosen = numpy_stream(seed, "reference shapes").permutation(len(reference))[: protocol.shapes]
    return reference.take(sorted(chosen.tolist()))


def _as_many(generated: ShapeSet, reference: ShapeSet, protocol: Protocol) -> Selection:
    """As many generated shapes as references: the first in order of their names."""
    wanted = len(reference)
    offered = sorted([*generated.names, *generated.excluded])
    considered = set(offered[: math.floor(wanted * protocol.generated_factor + 1e-9)])
    rows = [row for row, name in enumerate(generated.names) if name in considered][:wanted]
    # Where more are generated than compared, that is what the empty ones are replaced from; otherwise they are misses.
    misses = 0 if protocol.generated_factor > 1 else len(considered) - len(rows)
    if len(rows) + misses < wanted:
        asked = "" if protocol.generated_factor == 1 else f", out of {protocol.generated_factor:g} times as many"
        raise UserError(
            f"the protocol {protocol.name} compares {wanted} generated shapes with {wanted} references{asked}; of the "
            f"{len(offered)} generated, {len(considered)} were considered and {len(rows) + misses} can be used"
            f"{_example(generated)}; generate more, or use a protocol for sets of any size"
        )
    return Selection(
        generated.take(rows), reference, misses, {"generated": len(offered) - len(rows) - misses, "reference": 0}
    )


def _example(shapes: ShapeSet) -> str:
    if not shapes.excluded:
        return ""
    name, reason = next(iter(shapes.excluded.items()))
    return f", the first of {len(shapes.excluded)} exclusions being {name}: {reason}"
