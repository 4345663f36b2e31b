"""Each kind of field is fitted in its own way."""

import pytest
import torch

from hdray.fields.cloud import PointCloud
from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings, VoxelSettings
from hdray.fields.voxels import VoxelField
from hdray.fitting.adaptation import adapt
from hdray.fitting.descent import fit
from hdray.fitting.represent import represent
from hdray.fitting.settings import FitSettings
from hdray.signals.points import decode, unpack
from tests.fields.test_lora import field_of as lora_field_of
from tests.fitting.shapes import ball, coded

SETTINGS = FitSettings(batch_size=2, steps=3, points_per_step=64)
SHAPES = [ball(0.4), ball(0.3)]
IDS = ["a", "b"]


def test_an_mlp_is_descended_to() -> None:
    field = MLPField(MLPSettings(width=8, layers=1, frequencies=1))
    start = field.initialise(torch.Generator().manual_seed(0))
    points, labels = coded(SHAPES, 512)
    found = represent(field, points, labels, points, start, SETTINGS, IDS, 5)
    assert torch.equal(found.theta, fit(field, points, labels, start, SETTINGS, IDS, 5).theta)
    assert found.steps.tolist() == [3, 3]


def test_pairs_are_balanced_where_that_is_asked_for() -> None:
    field, gauged = lora_field_of(True), lora_field_of(True, gauge=True)
    start = field.initialise(torch.Generator().manual_seed(0))
    points, labels = coded(SHAPES, 512)
    found = represent(field, points, labels, points, start, SETTINGS, IDS, 5).theta
    balanced = represent(gauged, points, labels, points, start, SETTINGS, IDS, 5).theta
    assert not torch.equal(balanced, found)
    assert torch.equal(balanced, field.balance(found))


def test_a_field_of_any_kind_may_take_the_steps_it_was_trained_for_or_rescale_what_is_found() -> None:
    class Adapted(MLPField):
        def adaptation(self, device: torch.device) -> tuple[int, torch.Tensor]:
            return 2, torch.full((self.layout.size,), 0.1)

    class Doubled(MLPField):
        def rescaled(self, theta: torch.Tensor) -> torch.Tensor:
            return 2 * theta

    settings = MLPSettings(width=8, layers=1, frequencies=1)
    start = MLPField(settings).initialise(torch.Generator().manual_seed(0))
    points, labels = coded(SHAPES, 512)
    steps = represent(Adapted(settings), points, labels, points, start, SETTINGS, IDS, 5)
    assert steps.steps.tolist() == [2, 2]
    assert torch.equal(steps.theta, adapt(Adapted(settings), points, labels, SETTINGS, IDS, 5).theta)
    doubled = represent(Doubled(settings), points, labels, points, start, SETTINGS, IDS, 5).theta
    assert torch.equal(doubled, 2 * fit(MLPField(settings), points, labels, start, SETTINGS, IDS, 5).theta)


def test_voxels_are_computed_and_take_no_steps() -> None:
    field = VoxelField(VoxelSettings(voxels=4))
    points, labels = coded(SHAPES, 512)
    found = represent(field, points, labels, points, torch.zeros(64), SETTINGS, IDS, 5)
    assert torch.equal(found.theta, field.compute(decode(points), unpack(labels)))
    assert found.steps.tolist() == [0, 0]


def test_a_cloud_is_the_surface_points() -> None:
    points, labels = coded(SHAPES, 512)
    surface, _ = coded(SHAPES, 128, "surface")
    found = represent(PointCloud(128), points, labels, surface, torch.zeros(384), SETTINGS, IDS, 5)
    assert torch.equal(PointCloud(128).points(found.theta), decode(surface))
    with pytest.raises(ValueError, match="128 surface points; this cloud has 100"):
        represent(PointCloud(100), points, labels, surface, torch.zeros(300), SETTINGS, IDS, 5)
