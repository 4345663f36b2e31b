"""What the presets of the baselines promise."""

import math

import pytest

from hdray.config.presets import PRESETS
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


def test_the_published_grids() -> None:
    """HyperDiffusion, section 6.2; no shape is dropped for what so coarse a grid cannot show."""
    for name, size in (("airplanes-voxels", 24**3), ("animals-voxels", 16 * 24**3)):
        config = PRESETS[name]()
        assert field_of(config).layout.size == size
        assert config.fit.minimum_near_iou == 0
