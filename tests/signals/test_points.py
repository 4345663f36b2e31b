"""Coded points and packed labels: rounding, range, and the same bits from torch and numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hdray.signals.points import POINT_RANGE, decode, encode, pack, unpack

HALF_STEP = POINT_RANGE / 65535
coordinates = arrays(np.float64, (17, 3), elements=st.floats(-POINT_RANGE, POINT_RANGE))
codes = arrays(np.uint16, (17, 3), elements=st.integers(0, 65535))
labels = arrays(np.bool_, (2, 24))


@given(coordinates)
def test_round_trip_is_within_half_a_step(points: np.ndarray) -> None:
    error = np.abs(decode(encode(points)).astype(np.float64) - points)
    assert error.max() <= HALF_STEP + 4e-8  # float32 holds 0.6 to 3e-8


@given(codes)
def test_codes_survive_decoding(chosen: np.ndarray) -> None:
    assert np.array_equal(encode(decode(chosen)), chosen)


@given(codes)
def test_torch_and_numpy_decode_to_the_same_bits(chosen: np.ndarray) -> None:
    assert np.array_equal(decode(torch.from_numpy(chosen)).numpy().view(np.int32), decode(chosen).view(np.int32))


@given(coordinates)
def test_torch_and_numpy_encode_alike(points: np.ndarray) -> None:
    assert np.array_equal(encode(torch.from_numpy(points)).numpy(), encode(points))


def test_known_codes() -> None:
    assert encode(np.array([[-0.6, 0.6, 0.2]])).tolist() == [[0, 65535, 43690]]  # 0.8 / 1.2 * 65535 = 43690
    assert encode(np.array([[-9.0, 9.0, 0.6]])).tolist() == [[0, 65535, 65535]]


@given(labels)
def test_packed_labels_survive(chosen: np.ndarray) -> None:
    packed = pack(chosen)
    assert packed.shape == (2, 3) and packed.dtype == np.uint8
    assert np.array_equal(unpack(packed), chosen)
    assert np.array_equal(pack(torch.from_numpy(chosen)).numpy(), packed)
    assert np.array_equal(unpack(torch.from_numpy(packed)).numpy(), chosen)


def test_first_label_is_the_lowest_bit() -> None:
    assert pack(np.array([True, True] + [False] * 6)).tolist() == [3]


def test_labels_must_fill_bytes() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        pack(np.zeros(7, dtype=bool))
