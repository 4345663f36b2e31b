"""The mNIF paper's presets: its small and its large mixture for ShapeNet's occupancy.

You et al., *Generative Neural Fields by Mixtures of Neural Implicit Functions* (NeurIPS 2023), Table 2 and appendices A.1.2,
A.2.2 and A.3. What is taken from its code because the paper is silent, or contradicts itself, is in docs/presets.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hdray.config.tree import Config, InputSettings
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings

TRAINED_ON = 35_019
"""Shapes in the training split."""
TESTED = 8_762
"""Shapes in the test split."""
EPOCH = -(-TRAINED_ON // 32)
"""Steps in an epoch, 32 shapes or latents each."""


@dataclass(frozen=True)
class Size:
    """(L, W, M, H) of the paper, whose L counts the matrices between layers of units, and w0."""

    matrices: int
    width: int
    bases: int
    context: int
    frequency: float


SMALL = Size(matrices=4, width=64, bases=256, context=512, frequency=50.0)
LARGE = Size(matrices=5, width=128, bases=512, context=1_024, frequency=30.0)


def paper(size: Size) -> Config:
    """As the paper says: meta-learned bases, latents found in three steps, diffusion of latents."""
    return Config(
        inputs=InputSettings(validation_share=0.0, test_share=0.2),
        field=FieldSettings(
            kind="mnif",
            layers=size.matrices + 1,
            width=size.width,
            bases=size.bases,
            context=size.context,
            siren_frequency=size.frequency,
            adaptation="meta",
            inner_steps=3,
            inner_rate=1 / 32,  # what the code's 1.0 comes to: its steps follow the mean over a batch of 32
            mixture_points=4_096,
        ),
        shared=SharedSettings(
            steps=400 * EPOCH,
            batch_size=32,
            learning_rate=1e-4,
            clip=1.0,
            ema=0.0,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        fit=FitSettings(
            batch_size=32,
            points_per_step=16_384,
            initialisation="random",
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(
            kind="latent-diffusion",
            width=4_096,
            layers=4,
            timesteps=1_000,
            noise_schedule="cosine",
            normalisation="dimension",
            delta=False,
        ),
        train=TrainSettings(
            steps=1_000 * EPOCH,
            batch_size=32,
            learning_rate=1e-4,
            weight_decay=0.01,
            precision="fp32",
            checkpoint_steps=10_000,
        ),
        generate=GenerateSettings(count=TESTED, sampler="ddpm", resolution=64),
    )


MNIF: dict[str, Callable[[], Config]] = {
    "mnif-small-paper": lambda: paper(SMALL),
    "mnif-large-paper": lambda: paper(LARGE),
}
