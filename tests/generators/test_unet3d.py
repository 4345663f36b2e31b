"""The 3D U-Net: its start, what may influence what, and that cutting into patches loses nothing."""

import pytest
import torch

from hdray.generators.settings import GeneratorSettings
from hdray.generators.unet3d import UNet3D

SMALL = GeneratorSettings(kind="voxel-diffusion", width=8, layers=1, heads=2)
STEPS = torch.tensor([0, 5, 499])


def unet(patch: int = 1, frames: int = 0, edge: int = 8) -> UNet3D:
    """With every parameter drawn: the start has zeros that would hide what depends on what."""
    shape = (frames, edge, edge, edge) if frames else (edge, edge, edge)
    model = UNet3D(shape, GeneratorSettings(kind="voxel-diffusion", width=8, layers=1, heads=2, patch=patch))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return model


def noisy(entries: int) -> torch.Tensor:
    return torch.randn(3, entries, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("patch", "frames"), [(1, 0), (2, 0), (1, 4)])
def test_rows_do_not_see_each_other_and_voxels_do(patch: int, frames: int) -> None:
    model = unet(patch, frames)
    vectors = noisy(512 * max(1, frames))
    before = model(vectors, STEPS)
    assert before.shape == vectors.shape
    vectors[1, 0] += 1.0
    after = model(vectors, STEPS)
    changed = before != after
    assert changed.any(dim=1).tolist() == [False, True, False]
    # Attention at the lowest level carries a change of the first voxel to the last, of the last frame.
    assert bool(changed[1, -1])


def test_the_step_matters() -> None:
    model, vectors = unet(), noisy(512)
    assert not torch.allclose(model(vectors, STEPS), model(vectors, STEPS + 1), atol=1e-3)


def test_gradients_reach_every_parameter() -> None:
    model = unet(patch=2, frames=2)
    model(noisy(1024), STEPS).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("patch", [1, 2])
def test_a_patch_is_a_cube_of_neighbouring_voxels(patch: int) -> None:
    model = unet(patch, frames=2)
    vectors = torch.arange(2 * 2 * 512.0).view(2, -1)
    places = model._to_places(vectors)
    assert places.shape == (2, 2 * patch**3, 8 // patch, 8 // patch, 8 // patch)
    assert torch.equal(model._to_vectors(places), vectors)
    cube = vectors.view(2, 2, 8, 8, 8)[1, :, -patch:, :patch, -patch:]
    assert set(places[1, :, -1, 0, -1].tolist()) == set(cube.flatten().tolist())


def test_it_starts_by_expecting_the_mean() -> None:
    """Zero, in normalised vectors; and the start is the seed's."""
    models = [UNet3D((8, 8, 8), SMALL) for _ in range(2)]
    for model in models:
        model.initialise(torch.Generator().manual_seed(3))
    assert not models[0](noisy(512), STEPS).any()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_grids_that_cannot_be_halved_twice_are_refused() -> None:
    for shape in ((6, 6, 6), (8, 8, 4)):
        with pytest.raises(ValueError, match="multiple of 4"):
            UNet3D(shape, SMALL)
