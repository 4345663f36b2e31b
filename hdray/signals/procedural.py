"""The embedded data: shapes of several categories, generated and never stored. A shape's source is <category>:<number>."""

from collections.abc import Callable, Mapping

from hdray.signals.airplanes import airplane
from hdray.signals.chairs import chair
from hdray.signals.lamps import lamp
from hdray.signals.mesh import Mesh
from hdray.signals.mugs import mug
from hdray.signals.tables import table

MAKERS: Mapping[str, Callable[[int, str], Mesh]] = {
    "chair": chair,
    "table": table,
    "lamp": lamp,
    "airplane": airplane,
    "mug": mug,
}
"""What makes the mesh of (seed, source), by category."""

SCHEME = ":"
"""Between the category and the number in a source."""


def sources(counts: Mapping[str, int]) -> list[str]:
    """The sources of this many shapes of each category: the first ones, whatever others there are."""
    return [f"{category}{SCHEME}{number:05d}" for category, count in counts.items() for number in range(count)]


def category_of(source: str) -> str:
    """The category of a procedural shape."""
    return source.partition(SCHEME)[0]


def make(seed: int, source: str) -> Mesh:
    """The mesh of a procedural shape: watertight parts whose union is the solid, y up, its front to +z.

    Same (seed, source): same mesh. Raises KeyError for a category that is none.
    """
    return MAKERS[category_of(source)](seed, source)
