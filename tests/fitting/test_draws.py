"""Draws: uniform with replacement, the instance's own, and decoded to exactly what was stored."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdray.fitting.draws import Draws, instance_keys, pack_words
from hdray.signals.points import pack

CPU = torch.device("cpu")


def example(count: int, stored: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random codes (K, N, 3), labels (K, N) bool and the same packed."""
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 65536, (count, stored, 3), dtype=np.uint16)
    labels = torch.from_numpy(generator.random((count, stored)) < 0.3)
    return torch.from_numpy(codes), labels, pack(labels)


def test_words_hold_codes_and_label() -> None:
    codes, labels, packed = example(2, 64)
    words = pack_words(codes, packed)
    as_int = codes.numpy().astype(np.int64)
    expected = as_int[..., 0] + as_int[..., 1] * 2**16 + as_int[..., 2] * 2**32 + labels.numpy() * 2**48
    assert torch.equal(words, torch.from_numpy(expected))


def test_step_gives_the_points_its_indices_name() -> None:
    codes, labels, packed = example(3, 4_000)
    draws = Draws(codes, packed, instance_keys(["a", "b", "c"], 0), 5, 100, CPU)
    places = draws.indices(7).clone()
    got, inside = draws.at(7)
    for slot, row in enumerate([0, 1, 2, 0, 0]):
        assert np.array_equal(got[slot].numpy(), codes.numpy()[row][places[slot].numpy()].astype(np.int64))
        assert torch.equal(inside[slot].bool(), labels[row][places[slot]])


def test_indices_are_uniform_with_replacement() -> None:
    codes, _, packed = example(1, 1_000)
    draws = Draws(codes, packed, instance_keys(["a"], 0), 1, 2_048, CPU)
    places = torch.cat([draws.indices(step).flatten().clone() for step in range(100)])
    counts = torch.bincount(places, minlength=1_000).double()
    assert len(counts) == 1_000
    # Chi-squared with 999 degrees of freedom: mean 999, standard deviation 45.
    expected = len(places) / 1_000
    assert abs(((counts - expected) ** 2 / expected).sum() - 999) < 5 * 45
    # One step of 2,048 out of 1,000 must repeat; neighbours in the stream are unrelated.
    assert len(draws.indices(0).unique()) < 1_000
    centred = places.double() - places.double().mean()
    assert abs((centred[1:] * centred[:-1]).mean() / centred.var()) < 0.01


def test_streams_of_instances_and_seeds_are_unrelated() -> None:
    codes, _, packed = example(2, 4_096)
    places = Draws(codes, packed, instance_keys(["a", "b"], 0), 2, 4_096, CPU).indices(0)
    other_seed = Draws(codes, packed, instance_keys(["a", "b"], 1), 2, 4_096, CPU).indices(0)
    for left, right in ((places[0], places[1]), (places[0], other_seed[0])):
        # Agreements of unrelated uniform draws: 4,096 x 1/4,096, Poisson with mean 1.
        assert (left == right).sum() < 10


@given(slot=st.integers(0, 5), step=st.integers(0, 2_000_000))
def test_a_stream_belongs_to_the_instance_not_to_the_slot(slot: int, step: int) -> None:
    codes, _, packed = example(6, 80)
    names = [f"other {row}" for row in range(6)]
    names[slot] = "mine"
    placed = Draws(codes, packed, instance_keys(names, 3), 8, 32, CPU).indices(step)[slot]
    alone = Draws(codes[:1], packed[:1], instance_keys(["mine"], 3), 1, 32, CPU).indices(step)[0]
    assert torch.equal(placed, alone)
    assert placed.min() >= 0
    assert placed.max() < 80
