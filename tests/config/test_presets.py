"""What the presets of the baselines promise, and the published sizes of weight spaces."""

import math

import pytest
import torch

from hdray.config.presets import PRESETS
from hdray.fields.base_network import BaseNetwork
from hdray.fields.build import build_field
from hdray.fields.layout import Layout
from hdray.fields.mixture_bases import MixtureBases, network_layout
from hdray.fields.settings import FieldSettings
from hdray.fields.sharing import draw_shared, shares
from hdray.generators.build import build_generator
from hdray.generators.optimiser import learning_rate
from hdray.pipeline.field import field_of

BASELINES = ("airplanes-voxels", "airplanes-points", "animals-voxels")


@pytest.mark.parametrize("name", BASELINES)
def test_no_shape_is_seen_in_the_noise_that_sampling_starts_from(name: str) -> None:
    """The length of a normalised vector at the last step is below the noise's standard deviation along it, which is 1.

    Otherwise the network would learn to read the shape from a noise that samples do not start from.
    """
    config = PRESETS[name]()
    settings, entries = config.generator, field_of(config).layout.size
    step = (settings.beta_end - settings.beta_start) / (settings.timesteps - 1)
    betas = [settings.beta_start + step * index for index in range(settings.timesteps)]
    left = math.exp(math.fsum(math.log1p(-beta) for beta in betas))  # alpha-bar (DDPM, section 2)
    assert settings.normalisation == "scalar"
    assert math.sqrt(left * entries) < 1


def test_four_categories_are_the_demo_with_as_many_shapes_of_each() -> None:
    config, demo = PRESETS["four-categories"](), PRESETS["demo"]()
    assert config.inputs.procedural == {"chair": 32, "table": 32, "lamp": 32, "airplane": 0, "mug": 32}
    assert (config.inputs.test_share, config.evaluate.reference_split) == (0.0, "validation")
    assert sum(config.inputs.procedural.values()) == sum(demo.inputs.procedural.values())
    assert (config.execution, config.generator.timesteps) == (demo.execution, demo.generator.timesteps)


def test_the_published_grids() -> None:
    """HyperDiffusion, section 6.2; no shape is dropped for what so coarse a grid cannot show."""
    for name, size in (("airplanes-voxels", 24**3), ("animals-voxels", 16 * 24**3)):
        config = PRESETS[name]()
        assert field_of(config).layout.size == size
        assert config.fit.minimum_near_iou == 0


def layout_of(settings: FieldSettings) -> Layout:
    """Of the vectors of a preset, what they share being as it is before it is trained."""
    shared = draw_shared(settings, torch.Generator().manual_seed(0))
    if settings.kind in ("lora", "mlora"):
        shared |= BaseNetwork(settings).state_dict()
    return build_field(settings, 1, shared=shared if shares(settings) else None).layout


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("mlora-mlp-paper", 30_196),
        ("mlora-mlp-asym-paper", 27_226),
        ("mlora-lora-paper", 29_696),
        ("mlora-lora-asym-paper", 27_539),
        ("mlora-mlora-paper", 29_696),
        ("mlora-mlora-asym-paper", 27_539),
    ],
)
def test_the_six_weight_spaces_of_the_mlora_paper(name: str, weights: int) -> None:
    """Its Table 1, ShapeNet; sections 8.1 to 8.5."""
    config = PRESETS[name]()
    layout = layout_of(config.field)
    assert layout.size == weights
    with torch.device("meta"):
        network = build_generator(layout, config.generator).network
    assert 1.3e9 < sum(parameter.numel() for parameter in network.parameters()) < 1.5e9  # 12 blocks of 12 x 2,880^2
    assert (config.fit.steps, config.fit.points_per_step, config.fit.learning_rate) == (10_000, 8_192, 1e-2)
    assert config.train.steps == 6_000 * 16
    assert (config.generator.predict, config.generator.timesteps, config.generate.steps) == ("noise", 500, 100)
    shared = config.shared
    for shapes in (109, 3_236):
        firsts = [learning_rate(70_000 * stage, shared, shapes) for stage in range(5)]
        assert firsts == pytest.approx([1e-3, 10**-3.5, 1e-4, 10**-4.5, 1e-5])
        lasts = [learning_rate(70_000 * stage - 1, shared, shapes) for stage in range(1, 6)]
        assert lasts == firsts, "however many shapes it is trained on"
    assert shared.batch_size * 2 ** (shared.stages - 1) == 256 and shared.points_per_row // 16 == 2_048


@pytest.mark.parametrize(
    ("name", "inference", "learnable"),
    # By hand, (L, W, M, H) being (4, 64, 256, 512): M (4 W + 4 (W^2 + W) + W + 1) + 6 M (H + 1) = 4,342,016 + 787,968.
    [("mnif-small-paper", 16_961, 5_129_984), ("mnif-large-paper", 83_201, 46_272_512)],
)
def test_the_two_mixtures_of_the_mnif_paper(name: str, inference: int, learnable: int) -> None:
    """Its Table 2 and appendix A.2.2; with its H, the small one is not the 4.6 M of the table (docs/presets.md)."""
    config = PRESETS[name]()
    with torch.device("meta"):
        bases = MixtureBases(config.field)
    assert sum(parameter.numel() for parameter in bases.parameters()) == learnable
    assert network_layout(config.field, 3, 1).size == inference
    assert (config.shared.steps, config.train.steps) == (400 * 1_095, 1_000 * 1_095)
    assert (config.generator.width, config.generator.layers) == (4_096, 4)
