"""Named starting points: a complete configuration each."""

from collections.abc import Callable
from math import pi

from hdray.config.tree import Config
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


def hyperdiffusion_paper() -> Config:
    """HyperDiffusion as its paper says: 800 epochs of fitting, 4,000 of diffusion, learning rate down 20 % every 200."""
    return Config(
        signal=OccupancySettings(normalisation="box"),
        fit=FitSettings(
            batch_size=32,
            steps=_fit_steps(800),
            learning_rate=1e-2,
            schedule="plateau",
            stop_patience=800,
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(normalisation="none", delta=False),
        train=TrainSettings(
            steps=_train_steps(4_000),
            learning_rate=2e-4,
            decay_everything=True,
            schedule="step",
            step_epochs=200,
            step_factor=0.8,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        generate=GenerateSettings(count=606, steps=500, resolution=356, level=0.5),
        evaluate=EvaluateSettings(normalisation="std"),
    )


def hyperdiffusion_code() -> Config:
    """HyperDiffusion as its code does it: other normalisation, plateau stopping, 6,000 epochs, level 0.8, 666 samples."""
    return Config(
        signal=OccupancySettings(normalisation="mean"),
        fit=FitSettings(
            batch_size=32,
            steps=_fit_steps(5_000),
            learning_rate=1e-2,
            schedule="plateau",
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(normalisation="none", delta=False),
        train=TrainSettings(
            steps=_train_steps(6_000),
            learning_rate=2e-4,
            decay_everything=True,
            schedule="step",
            step_epochs=200,
            step_factor=0.9,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        generate=GenerateSettings(count=666, steps=500, resolution=356, level=0.8),
        evaluate=EvaluateSettings(normalisation="std"),
    )


def _fit_steps(epochs: int) -> int:
    """Optimiser steps in `epochs` of the published fitting: 200,000 points, 2,048 a step, the rest dropped."""
    return epochs * (200_000 // 2_048)


def _train_steps(epochs: int) -> int:
    """Optimiser steps in `epochs` over the published 2,749 training airplanes, 32 a step."""
    return epochs * -(-2_749 // 32)


PRESETS: dict[str, Callable[[], Config]] = {
    "demo": demo,
    "airplanes": airplanes,
    "hyperdiffusion-paper": hyperdiffusion_paper,
    "hyperdiffusion-code": hyperdiffusion_code,
}
