"""Each kind of representation, and clouds as vectors."""

import pytest
import torch

from hdray.errors import UserError
from hdray.fields.build import build_field
from hdray.fields.cloud import PointCloud
from hdray.fields.mixture_bases import MixtureBases
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.voxels import VoxelField


def test_each_kind_reads_its_own_settings() -> None:
    settings = {"width": 16, "layers": 2, "voxels": 6}
    mlp = build_field(FieldSettings(kind="mlp", **settings), 100)
    assert isinstance(mlp, MLPField) and mlp.layout.size == 27 * 16 + 16 + 16 * 16 + 16 + 16 + 1
    voxels = build_field(FieldSettings(kind="voxels", **settings), 100)
    assert isinstance(voxels, VoxelField) and voxels.layout.size == 6**3
    points = build_field(FieldSettings(kind="points", **settings), 100)
    assert isinstance(points, PointCloud) and points.layout.size == 300


def test_fields_of_animations_have_time() -> None:
    mlp = build_field(FieldSettings(), 100, frames=16)
    assert isinstance(mlp, MLPField) and mlp.dimension == 4
    voxels = build_field(FieldSettings(kind="voxels"), 100, frames=16)
    assert isinstance(voxels, VoxelField) and voxels.dimension == 4 and voxels.layout.size == 16 * 24**3
    with pytest.raises(ValueError, match="a cloud of points has no frames"):
        build_field(FieldSettings(kind="points"), 100, frames=16)


def test_a_mixture_is_made_from_its_bases() -> None:
    settings = FieldSettings(kind="mnif", width=16, layers=2, bases=3, context=5)
    for frames in (0, 16):
        shared = MixtureBases(settings, 4 if frames else 3).state_dict()
        mixture = build_field(settings, 100, frames, shared)
        assert isinstance(mixture, SirenMixture) and mixture.layout.size == 5
        assert mixture.dimension == (4 if frames else 3)
    with pytest.raises(UserError, match="made from bases that are trained before"):
        build_field(settings, 100)


def test_a_cloud_is_its_points_one_after_the_other() -> None:
    cloud = PointCloud(4)
    points = torch.arange(24.0).view(2, 4, 3)
    assert torch.equal(cloud.points(points.flatten(1)), points)
    assert torch.equal(cloud.points(points[0].flatten()), points[0])
    assert not cloud.initialise(torch.Generator()).any()
