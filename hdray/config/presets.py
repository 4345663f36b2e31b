"""Named starting points: a complete configuration each."""

from collections.abc import Callable
from math import pi

from hdray.config.published import PUBLISHED
from hdray.config.tree import Config, InputSettings
from hdray.fields.settings import MLPSettings
from hdray.fitting.settings import FitSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.signals.settings import OccupancySettings


def demo() -> Config:
    """128 procedural chairs, a small transformer: two CPU cores, minutes."""
    return Config(
        # Labelling costs as much as fitting: 60,000 points, drawn from 20 times each, serve as well.
        signal=OccupancySettings(uniform_points=20_000, near_points=40_000, held_out_points=8_192),
        fit=FitSettings(batch_size=8, steps=600),
        generator=GeneratorSettings(width=256, layers=6, heads=8),
        train=TrainSettings(steps=1_000, learning_rate=5e-4, warmup_steps=50, clip=1.0, ema=0.99, checkpoint_steps=300),
        generate=GenerateSettings(count=24, steps=50, resolution=96),
        evaluate=EvaluateSettings(points=1_024, reference_split="held-out"),
    )


def airplanes() -> Config:
    """A folder of airplanes on two CPU cores: the demo with the steps and the encoding that thin wings need."""
    return Config(
        field=MLPSettings(frequencies=6, frequency_base=pi),
        fit=FitSettings(batch_size=8, steps=2_000),
        generator=GeneratorSettings(width=256, layers=6, heads=8),
        train=TrainSettings(steps=2_000, learning_rate=5e-4, warmup_steps=50, clip=1.0, ema=0.99, checkpoint_steps=500),
        generate=GenerateSettings(count=24, steps=50, resolution=128),
        evaluate=EvaluateSettings(reference_split="held-out"),
    )


def animals() -> Config:
    """A folder of animated animals (.anime) on two CPU cores: 16 frames a field, time as its fourth coordinate."""
    return Config(
        # Names such as Horse_White_Walk.anime: what moves comes before the first underscore.
        inputs=InputSettings(family_pattern="([A-Za-z]+)_"),
        signal=OccupancySettings(frames=16, uniform_points=4_000, near_points=8_000, held_out_points=1_024),
        field=MLPSettings(frequency_base=pi),
        fit=FitSettings(batch_size=8, steps=2_500),
        generator=GeneratorSettings(width=256, layers=6, heads=8),
        train=TrainSettings(steps=2_000, learning_rate=5e-4, warmup_steps=50, clip=1.0, ema=0.99, checkpoint_steps=500),
        generate=GenerateSettings(count=12, steps=50, resolution=96, mesh_format="glb"),
        evaluate=EvaluateSettings(points=1_024, reference_split="held-out"),
    )


PRESETS: dict[str, Callable[[], Config]] = {
    "demo": demo,
    "airplanes": airplanes,
    "animals": animals,
    **PUBLISHED,
}
