"""Shuffled epochs."""

from hypothesis import given
from hypothesis import strategies as st

from hdray.generators.epochs import ShuffledEpochs


@given(st.integers(1, 20), st.integers(0, 2**32), st.integers(0, 5))
def test_every_record_comes_once_an_epoch_and_draws_have_no_history(records: int, seed: int, epoch: int) -> None:
    epochs = ShuffledEpochs(records, seed)
    picks = [epochs.pick(epoch * records + row) for row in range(records)]
    assert sorted(picks) == list(range(records))
    fresh = ShuffledEpochs(records, seed)
    assert [fresh.pick(draw) for draw in reversed(range(epoch * records, (epoch + 1) * records))] == picks[::-1]


def test_epochs_and_streams_have_orders_of_their_own() -> None:
    orders = {
        tuple(ShuffledEpochs(10, seed, name).pick(10 * epoch + row) for row in range(10))
        for seed in (0, 1)
        for name in ("one", "other")
        for epoch in (0, 1)
    }
    assert len(orders) == 8
