"""Which entries of a vector are the pairs of which layer."""

import pytest
import torch

from hdray.fields.layout import linear_layout
from hdray.generators.lora_layers import SameShape, arrange
from tests.generators.low_rank import layout_of, low_rank_layout

WEIGHT, BIAS = ("w", 0, "weight", (2, 3)), ("c", 0, "bias", (2,))
A, B = ("l.a", 1, "a", (2, 3)), ("l.b", 1, "b", (2, 4))


def test_pairs_are_rows_of_a_beside_rows_of_b() -> None:
    # Entries by hand: a is 0..5 in rows of three, b is 6..13 in rows of four; a bias of two comes last.
    arrangement = arrange(layout_of([A, B, BIAS]))
    assert arrangement.singles == (2,)
    assert arrangement.groups == (SameShape(1, 2, 7),)
    assert arrangement.order.tolist() == [14, 15, 0, 1, 2, 6, 7, 8, 9, 3, 4, 5, 10, 11, 12, 13]


def test_layers_of_one_shape_are_one_group_wherever_they_stand() -> None:
    other = [("m.a", 2, "a", (1, 4)), ("m.b", 2, "b", (1, 3))]  # as many entries a pair, yet another shape
    again = [("n.a", 3, "a", (2, 3)), ("n.b", 3, "b", (2, 4))]
    layout = layout_of([A, B, *other, WEIGHT, *again])
    arrangement = arrange(layout)
    assert arrangement.groups == (SameShape(2, 2, 7), SameShape(1, 1, 7))
    assert arrangement.order.sort().values.tolist() == list(range(layout.size))
    theta = torch.arange(layout.size)
    grouped = theta[arrangement.order][6 : 6 + 28].view(2, 2, 7)
    pieces = layout.split(theta)
    assert torch.equal(grouped[0], torch.cat(pieces[0:2], dim=1))
    assert torch.equal(grouped[1], torch.cat(pieces[5:7], dim=1))


def test_masked_layers_have_shorter_rows_of_a() -> None:
    arrangement = arrange(low_rank_layout(4, 3, 16, frozen=4))
    assert arrangement.groups == (SameShape(4, 3, 12 + 16),)


@pytest.mark.parametrize(
    "shapes",
    [
        [WEIGHT, BIAS],  # no pairs
        [A],  # half a pair
        [B],
        [A, BIAS, B],  # not next to each other
        [A, A, B],
        [A, ("l.b", 2, "b", (2, 4))],  # of another layer
        [A, ("l.b", 1, "b", (3, 4))],  # of another rank
        [A, B, ("latent", 0, "latent", (8,))],
        [("grid", 0, "grid", (4, 4, 4))],
    ],
)
def test_layouts_of_other_kinds_are_refused(shapes: list[tuple[str, int, str, tuple[int, ...]]]) -> None:
    with pytest.raises(ValueError, match=r"lora-diffusion needs pairs, .* this layout has") as error:
        arrange(layout_of(shapes))
    assert all(f"{kind} {shape}" in str(error.value) for _, _, kind, shape in shapes)


def test_an_mlp_has_no_pairs() -> None:
    with pytest.raises(ValueError, match=r"needs pairs.*weight \(6, 3\), bias \(6,\)"):
        arrange(linear_layout([3, 6, 1]))
