import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol, protocol_named
from hdray.metrics.selection import Selection, draw_warnings, draws, duplicates, equal_nna, select
from hdray.metrics.shape_sets import ShapeSet


def shapes(count: int, excluded: tuple[int, ...] = ()) -> ShapeSet:
    names = [f"shape-{number:04d}" for number in range(count)]
    kept = [name for number, name in enumerate(names) if number not in excluded]
    clouds = [torch.full((2, 3), float(name[-4:])) for name in kept]
    return ShapeSet(kept, clouds, kept, {names[number]: "it holds no points" for number in excluded})


def test_sets_of_any_sizes_and_exclusions_are_misses():
    chosen = select(shapes(7, (1, 2)), shapes(4, (0,)), protocol_named("none"), 0)
    assert (len(chosen.generated), chosen.misses, len(chosen.reference)) == (5, 2, 3)


def test_hyperdiffusions_code_replaces_empty_shapes_from_a_tenth_more():
    """606 references: 666 are generated, the empty dropped, the first 606 kept."""
    protocol = protocol_named("hyperdiffusion-code")
    chosen = select(shapes(700, tuple(range(10, 60))), shapes(606), protocol, 0)
    assert (len(chosen.generated), chosen.misses) == (606, 0)
    assert chosen.generated.names[-1] == f"shape-{606 + 50 - 1:04d}"
    assert chosen.unused["generated"] == 700 - 606
    with pytest.raises(UserError, match="666 were considered and 605 can be used"):
        select(shapes(700, tuple(range(61))), shapes(606), protocol, 0)
    assert len(select(shapes(11), shapes(10), protocol, 0).generated) == 10


def test_hyperdiffusions_paper_counts_empty_shapes_as_misses():
    protocol = protocol_named("hyperdiffusion-paper")
    chosen = select(shapes(12, (0, 3, 11)), shapes(10), protocol, 0)
    assert (chosen.generated.names[0], len(chosen.generated), chosen.misses) == ("shape-0001", 8, 2)
    with pytest.raises(UserError, match="compares 10 generated shapes with 10 references; of the 9 generated"):
        select(shapes(9), shapes(10), protocol, 0)


def test_a_fixed_number_of_shapes():
    protocol = Protocol(name="four", source="", shapes=4)
    chosen = select(shapes(6), shapes(9), protocol, 0)
    assert chosen.generated.names == shapes(4).names
    assert len(chosen.reference) == 4
    assert chosen.reference.names == select(shapes(5), shapes(9), protocol, 0).reference.names
    assert chosen.reference.names != select(shapes(5), shapes(9), protocol, 1).reference.names
    assert [cloud[0, 0].item() for cloud in chosen.reference.clouds] == [float(n[-4:]) for n in chosen.reference.names]
    with pytest.raises(UserError, match="compares with 4 reference shapes, and there are 3"):
        select(shapes(6), shapes(3), protocol, 0)
    with pytest.raises(UserError, match="the first of 1 exclusions being shape-0002: it holds no points"):
        select(shapes(6), shapes(4, (2,)), protocol, 0)


def test_draws_are_with_replacement_and_seeded():
    protocol = protocol_named("nef-gpt")
    chosen = select(shapes(35, (0, 1)), shapes(36), protocol, 0)
    assert (len(chosen.generated), chosen.misses, len(chosen.reference)) == (33, 2, 36)
    drawn = draws(5, 600, protocol, 0)
    assert len(drawn) == 32
    for made, real in drawn:
        assert made.shape == real.shape == (32,)
        assert set(made.tolist()) <= set(range(5)) and real.max() < 600
    assert drawn[0][1].tolist() != drawn[1][1].tolist()
    assert draws(5, 600, protocol, 0)[3][1].tolist() == drawn[3][1].tolist()
    assert draws(5, 600, protocol, 1)[3][1].tolist() != drawn[3][1].tolist()


def test_sets_that_are_smaller_than_a_draw_are_refused():
    protocol = protocol_named("nef-gpt")
    assert select(shapes(32, (0,)), shapes(32), protocol, 0).misses == 1
    with pytest.raises(
        UserError, match="nef-gpt draws 32 shapes of either set, and there are 31 generated ones; give 32"
    ):
        select(shapes(31), shapes(40), protocol, 0)
    with pytest.raises(UserError, match="there are 31 reference ones, the first of 1 exclusions being shape-0003"):
        select(shapes(40), shapes(32, (3,)), protocol, 0)


@pytest.mark.parametrize(("generated", "reference"), [(32, 32), (600, 600), (300, 40)])
def test_expected_duplicates_and_what_they_do_to_1_nna(generated: int, reference: int):
    """Against draws from points of one distribution."""
    stream = np.random.default_rng(generated)
    twice, right = [], []
    for _ in range(60):
        pools = stream.normal(size=(generated, 3)), stream.normal(size=(reference, 3))
        rows = [stream.integers(len(pool), size=32) for pool in pools]
        twice.append([np.mean([(some == row).sum() > 1 for row in some]) for some in rows])
        drawn = np.concatenate([pool[some] for pool, some in zip(pools, rows, strict=True)])
        distances = np.linalg.norm(drawn[:, None] - drawn, axis=2) + np.diag(np.full(64, np.inf))
        right.append(np.mean((distances.argmin(axis=1) < 32) == (np.arange(64) < 32)))
    assert np.mean(twice, axis=0) == pytest.approx([duplicates(pool, 32) for pool in (generated, reference)], abs=0.03)
    assert np.mean(right) == pytest.approx(equal_nna(generated, reference, 32), abs=0.03)


def test_small_pools_to_draw_from_are_warned_of():
    def pools(generated: int, reference: int) -> Selection:
        return Selection(shapes(generated), shapes(reference), misses=2, unused={})

    protocol = protocol_named("nef-gpt")
    (warning,) = draw_warnings(pools(30, 40), protocol)
    assert "32 shapes drawn with replacement from 32 generated and 40 reference shapes hold 63% and 54%" in warning
    assert draw_warnings(pools(598, 600), protocol) == []
    assert draw_warnings(pools(30, 40), protocol_named("none")) == []


def test_nothing_to_compare():
    none = protocol_named("none")
    with pytest.raises(UserError, match="no reference shape to compare, the first of 2 exclusions being shape-0000"):
        select(shapes(3), shapes(2, (0, 1)), none, 0)
    with pytest.raises(UserError, match="no generated shape"):
        select(shapes(0), shapes(2), none, 0)
    # A generator all of whose shapes are empty is measured: it misses everything.
    assert select(shapes(3, (0, 1, 2)), shapes(2), none, 0).misses == 3
