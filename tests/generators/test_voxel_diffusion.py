"""The voxel baseline as a generator: what it learns, and what it is not for."""

import pytest
import torch

from hdray.fields.layout import linear_layout
from hdray.fields.settings import VoxelSettings
from hdray.fields.voxels import VoxelField
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.vector_training import VectorTraining
from hdray.generators.voxel_diffusion import VoxelDiffusion

LAYOUT = VoxelField(VoxelSettings(voxels=8)).layout
SETTINGS = GeneratorSettings(kind="voxel-diffusion", width=8, layers=1, heads=2, normalisation="scalar", delta=False)


def balls() -> torch.Tensor:
    """Two grids (2, D): a small ball and a large one."""
    along = (torch.arange(8) + 0.5) / 8 - 0.5
    distance = torch.cartesian_prod(along, along, along).norm(dim=1)
    return torch.stack([torch.where(distance < radius, 4.0, -4.0) for radius in (0.25, 0.45)])


def test_training_finds_two_grids_again() -> None:
    """Samples are one of the two, voxel by voxel, and both come up."""
    theta = balls()
    training = VectorTraining(theta, LAYOUT, SETTINGS, 0, torch.zeros(512))
    assert isinstance(training.model, VoxelDiffusion)
    optimiser = torch.optim.AdamW(training.module.parameters(), lr=3e-3)
    for step in range(150):
        optimiser.zero_grad()
        training.loss(training.batch(step, range(8), 8)).backward()
        optimiser.step()
    samples = training.model.sample([str(index) for index in range(12)], 0, GenerateSettings(steps=20, batch_size=12))
    agreement = ((samples > 0)[:, None] == (theta > 0)).float().mean(dim=2)  # (12, 2)
    assert float(agreement.amax(dim=1).median()) > 0.99
    assert set(agreement.argmax(dim=1).tolist()) == {0, 1}
    exported = training.export({name: value + 1 for name, value in training.module.state_dict().items()})
    assert set(exported) == set(training.model.state_dict())


def test_weights_of_an_mlp_are_no_grid() -> None:
    with pytest.raises(ValueError, match="one grid, not of 4 pieces"):
        VoxelDiffusion(linear_layout([3, 6, 1]), SETTINGS)
