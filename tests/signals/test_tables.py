import numpy as np

from hdray.signals.tables import TableDesign, design, table
from tests.signals.grids import bodies, euler_characteristic, solid


def first_of_each() -> dict[tuple[str, bool], str]:
    """The name of the first table of each base that has room for a shelf with and without one, and of each other base."""
    found: dict[tuple[str, bool], str] = {}
    for number in range(60):
        name = f"table:{number:05d}"
        drawn = design(0, name)
        found.setdefault((drawn.base, drawn.base in ("legs", "panels") and drawn.shelf > 0), name)
    return found


def tunnels(drawn: TableDesign) -> int:
    """Between top and shelf every further leg closes a ring; so does the bar of a trestle."""
    if drawn.base == "trestle":
        return 1
    return {"legs": 3, "panels": 1, "pedestal": 0}[drawn.base] if drawn.shelf else 0


def test_tables_have_the_tunnels_of_their_base() -> None:
    kinds = first_of_each()
    assert len(kinds) == 6
    for name in kinds.values():
        labels = solid(table(0, name), 40)
        assert (bodies(labels), euler_characteristic(labels)) == (1, 1 - tunnels(design(0, name)))


def test_a_table_is_as_its_design_says() -> None:
    for number in range(100):
        name = f"table:{number:05d}"
        drawn, vertices = design(0, name), table(0, name).vertices
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        assert -0.02 < low[1] <= 0.001
        np.testing.assert_allclose(high[1], drawn.height)
        # The polygon of an outline may have no corner where it is widest.
        assert (0.98 * np.array([drawn.width, drawn.depth]) < (high - low)[[0, 2]]).all()
        on_top = vertices[vertices[:, 1] > drawn.height - 1e-9]
        assert (np.ptp(on_top[:, [0, 2]], axis=0) <= np.array([drawn.width, drawn.depth]) + 1e-9).all()
