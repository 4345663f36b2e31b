"""Fields over space and time."""

import torch

from hdray.fields.frame import FrozenTime
from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings


def test_the_published_sizes() -> None:
    assert MLPField(MLPSettings(), dimension=3).layout.size == 36_737
    assert MLPField(MLPSettings(), dimension=4).layout.size == 37_889


def test_a_moment_is_the_field_at_that_time() -> None:
    field = MLPField(MLPSettings(width=8, layers=1), dimension=4)
    theta = torch.randn(2, field.layout.size)
    coords = torch.rand(2, 5, 3)
    whole = field(theta, torch.cat([coords, torch.full((2, 5, 1), 0.25)], dim=-1))
    assert torch.equal(FrozenTime(field, 0.25)(theta, coords), whole)
    assert not torch.equal(FrozenTime(field, -0.25)(theta, coords), whole)
