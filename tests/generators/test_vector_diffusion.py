"""What all generators of vectors have in common: a sample belongs to its seed, its id and its number, whatever comes with it."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdray.fields.cloud import PointCloud
from hdray.fields.layout import Layout, Piece, linear_layout
from hdray.fields.settings import VoxelSettings
from hdray.fields.voxels import VoxelField
from hdray.generators.build import GENERATORS, build_generator
from hdray.generators.normaliser import Normaliser
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.generators.vector_diffusion import VectorDiffusion, _batches
from tests.generators.low_rank import low_rank_layout

SETTINGS = GeneratorSettings(width=48, layers=2, heads=4, timesteps=10, delta=False, normalisation="dimension")
# Odd sizes and outputs of a few entries, where a row's place in the batch tells in the last bit.
LAYOUTS = {
    "hyperdiffusion": linear_layout([3, 7, 1]),
    "lora-diffusion": low_rank_layout(2, 3, 5),
    "latent-diffusion": Layout((Piece("latent", 0, "latent", (7,), ("latent",), 0, 7),)),
    "voxel-diffusion": VoxelField(VoxelSettings(voxels=4)).layout,
    "point-diffusion": PointCloud(15).layout,
}
IDS = [f"sample-{number}" for number in range(7)]


def build(kind: str) -> VectorDiffusion:
    return build_generator(LAYOUTS[kind], replace(SETTINGS, kind=kind, width=8 if kind == "voxel-diffusion" else 48))


def drawn(kind: str) -> VectorDiffusion:
    """With weights that make every part of the network count."""
    model = build(kind)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, std=0.15, generator=generator)
    theta = torch.randn(9, sum(model.sizes), generator=generator)
    model.normaliser = Normaliser.fit(theta, model.sizes, "dimension", None)
    return model


def test_every_kind_is_tested() -> None:
    assert set(LAYOUTS) == set(GENERATORS)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize(("sampler", "sizes"), [("ddim", (1, 2, 3, 5, 8)), ("ddpm", (3,))])
def test_a_sample_is_the_same_bit_for_bit_whatever_is_sampled_with_it(
    kind: str, sampler: str, sizes: tuple[int, ...]
) -> None:
    model = drawn(kind)
    first = torch.empty(0)
    for size in sizes:
        settings = GenerateSettings(sampler=sampler, steps=3, batch_size=size)
        together = model.sample(IDS, 3, settings)
        assert together.shape == (7, sum(model.sizes)) and bool(together.std(dim=0).all())
        for chunks in ([[number] for number in range(7)], [[6, 3, 0], [5, 1, 2, 4]]):
            for chunk in chunks:
                alone = model.sample([IDS[number] for number in chunk], 3, settings, chunk)
                assert torch.equal(alone, together[chunk]), (size, chunk)
        first = together if not len(first) else first
        torch.testing.assert_close(together, first, atol=1e-3, rtol=1e-3)  # another size rounds otherwise, no more


@pytest.mark.parametrize("kind", GENERATORS)
def test_seeds_and_ids_make_samples_differ(kind: str) -> None:
    model, settings = drawn(kind), GenerateSettings(steps=2, batch_size=2)
    samples = [*model.sample(IDS[:2], 0, settings), *model.sample(IDS[:1], 1, settings)]
    assert min(float((a - b).abs().max()) for a in samples for b in samples if a is not b) > 1e-3


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_trajectory_ends_at_the_sample(kind: str) -> None:
    model, settings = drawn(kind), GenerateSettings(steps=10, batch_size=3)
    trajectory = model.trajectory(IDS[2], 3, settings, 4)
    assert trajectory.shape == (4, sum(model.sizes))
    assert torch.equal(trajectory[-1], model.sample([IDS[2]], 3, settings)[0])
    assert len(model.trajectory(IDS[2], 3, settings, 100)) == 10


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_saved_model_samples_the_same(kind: str) -> None:
    model, settings = drawn(kind), GenerateSettings(steps=2, batch_size=4)
    other = build(kind)
    other.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    assert torch.equal(other.sample(IDS, 0, settings), model.sample(IDS, 0, settings))


def test_no_ids_no_samples_and_a_number_to_each() -> None:
    model = drawn("latent-diffusion")
    assert model.sample([], 0, GenerateSettings()).shape == (0, 7)
    with pytest.raises(ValueError, match="1 numbers for 7 ids"):
        model.sample(IDS, 0, GenerateSettings(), [0])


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 8))
def test_batches_hold_every_number_once_in_its_row(numbers: list[int], size: int) -> None:
    batches = _batches(numbers, size)
    held = [(row, index) for batch in batches for row, index in batch.items()]
    assert sorted(index for _, index in held) == list(range(len(numbers)))
    assert all(row == numbers[index] % size for row, index in held)
    fullest = max((sum(number % size == row for number in numbers) for row in range(size)), default=0)
    assert len(batches) == fullest, "no more than the row that most want needs"


def test_numbers_that_follow_one_another_fill_batches() -> None:
    assert [sorted(batch) for batch in _batches(range(5, 15), 4)] == [[0, 1, 2, 3], [0, 1, 2, 3], [1, 2]]
