"""Each kind of representation, and clouds as vectors."""

import pytest
import torch

from hdray.fields.base_network import BaseNetwork
from hdray.fields.build import build_field
from hdray.fields.cloud import PointCloud
from hdray.fields.fourier_mlp import FourierMLPField
from hdray.fields.lora import LoRAField
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


def test_kinds_with_something_shared_are_given_it() -> None:
    settings = {"width": 16, "layers": 2, "blocks": 1, "latent": 3, "rank": 2}
    fourier = build_field(FieldSettings(kind="fourier-mlp", **settings), 100)
    assert isinstance(fourier, FourierMLPField) and fourier.layout.size == 4 * 16 + 2 * (16 * 16 + 16) + 16 + 1
    masked = FieldSettings(kind="fourier-mlp", asymmetric=True, **settings)
    masks = FourierMLPField.draw_masks(masked, torch.Generator())
    assert build_field(masked, 100, shared=masks).layout.size == fourier.layout.size - 2 * 16 * 4
    for kind, multiplicative in (("lora", False), ("mlora", True)):
        low_rank = FieldSettings(kind=kind, **settings)
        field = build_field(low_rank, 100, shared=BaseNetwork(low_rank).state_dict())
        assert isinstance(field, LoRAField) and field.multiplicative == multiplicative
        assert field.layout.size == 4 * 16 + 3 * 2 * (16 + 16)
        with pytest.raises(ValueError, match=f"fields of kind {kind} are made from what they share"):
            build_field(low_rank, 100)
    with pytest.raises(ValueError, match="kind fourier-mlp are made from what they share"):
        build_field(masked, 100)


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
    with pytest.raises(ValueError, match="kind mnif are made from what they share"):
        build_field(settings, 100)


def test_a_cloud_is_its_points_one_after_the_other() -> None:
    cloud = PointCloud(4)
    points = torch.arange(24.0).view(2, 4, 3)
    assert torch.equal(cloud.points(points.flatten(1)), points)
    assert torch.equal(cloud.points(points[0].flatten()), points[0])
    assert not cloud.initialise(torch.Generator()).any()
