"""The positional encoding against its formula and the published order."""

import math

import torch

from hdray.fields.encoding import encode_positions, features_per_coordinate


def test_order_is_coordinate_then_sine_and_cosine_by_octave() -> None:
    x, y, z = 0.1, -0.2, 0.3
    got = encode_positions(torch.tensor([x, y, z]), 2, math.pi).flatten()
    expected = [x, y, z]
    for frequency in (math.pi, 2 * math.pi):
        expected += [math.sin(frequency * value) for value in (x, y, z)]
        expected += [math.cos(frequency * value) for value in (x, y, z)]
    torch.testing.assert_close(got, torch.tensor(expected))
    assert len(got) == 3 * features_per_coordinate(2)


def test_no_frequencies_leave_the_coordinates() -> None:
    coords = torch.rand(4, 5, 3)
    assert torch.equal(encode_positions(coords, 0, 1.0).flatten(-2), coords)
