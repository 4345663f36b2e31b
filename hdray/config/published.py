"""HyperDiffusion's presets: each of its datasets as the paper says, and as its code does it where the two differ.

Airplanes, chairs and cars of ShapeNet and the animals of DeformingThings4D (Erkoc et al., ICCV 2023, sections 6.1 and 9).
The published split is 80, 5 and 15 %; the lists of training shapes left out for their self-intersections come on top
of it, so that an epoch has the number of shapes written here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hdray.config.tree import Config
from hdray.fitting.settings import FitSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.signals.settings import OccupancySettings


@dataclass(frozen=True)
class Dataset:
    """What differs from one of the published datasets to the next."""

    train_vectors: int
    """Fields that the diffusion model was trained on."""
    references: int
    """Shapes in the test split."""
    code_samples: int
    """Shapes that the code generates to score: a tenth more than references, or twice as many (chairs)."""
    code_width: int = 2_880
    code_learning_rate: float = 2e-4
    code_schedule: str = "step"
    code_deduplicates: bool = False
    """Whether the code keeps only the samples least like others (its README, of chairs)."""
    frames: int = 0


AIRPLANE = Dataset(train_vectors=2_749, references=606, code_samples=666)
CHAIR = Dataset(train_vectors=4_542, references=1_017, code_samples=2_034, code_deduplicates=True)
CAR = Dataset(train_vectors=1_383, references=530, code_samples=583, code_width=1_920)
ANIMALS = Dataset(
    train_vectors=1_418, references=266, code_samples=292, code_width=1_440, code_learning_rate=5e-5,
    code_schedule="constant", frames=16,
)  # fmt: skip


def paper(data: Dataset) -> Config:
    """As the paper says: 800 epochs of fitting, 4,000 of diffusion, learning rate down 20 % every 200."""
    return Config(
        signal=OccupancySettings(normalisation="box", frames=data.frames),
        fit=FitSettings(
            batch_size=32,
            steps=_fit_steps(800, data),
            learning_rate=1e-2,
            schedule="plateau",
            stop_patience=800,
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(normalisation="none", delta=False),
        train=TrainSettings(
            steps=_train_steps(4_000, data),
            learning_rate=2e-4,
            decay_everything=True,
            schedule="step",
            step_epochs=200,
            step_factor=0.8,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        generate=GenerateSettings(
            count=data.references, steps=500, resolution=128 if data.frames else 356, level=0.5,
            mesh_format="glb" if data.frames else "ply",
        ),
        evaluate=EvaluateSettings(protocol="none" if data.frames else "hyperdiffusion-paper"),
    )  # fmt: skip


def code(data: Dataset) -> Config:
    """As the code does it: other normalisation, plateau stopping, 6,000 epochs, level 0.8, more samples than needed."""
    return Config(
        signal=OccupancySettings(normalisation="mean", frames=data.frames, time="index" if data.frames else "box"),
        fit=FitSettings(
            batch_size=32,
            steps=_fit_steps(5_000, data),
            learning_rate=1e-2,
            schedule="plateau",
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(normalisation="none", delta=False, width=data.code_width),
        train=TrainSettings(
            steps=_train_steps(6_000, data),
            learning_rate=data.code_learning_rate,
            decay_everything=True,
            schedule=data.code_schedule,
            step_epochs=200,
            step_factor=0.9,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        generate=GenerateSettings(
            count=data.code_samples, steps=500, resolution=128 if data.frames else 356, level=0.8,
            mesh_format="glb" if data.frames else "ply",
        ),
        evaluate=EvaluateSettings(
            protocol="hyperdiffusion-4d" if data.frames else "hyperdiffusion-code", deduplicate=data.code_deduplicates
        ),
    )  # fmt: skip


def _fit_steps(epochs: int, data: Dataset) -> int:
    """Optimiser steps in `epochs` of the published fitting: 200,000 points, 2,048 a step, the rest dropped.

    Of an animation a step takes 128 points of each of 16 frames, so an epoch has 16 times as many.
    """
    return epochs * (200_000 // (2_048 // max(data.frames, 1)))


def _train_steps(epochs: int, data: Dataset) -> int:
    """Optimiser steps in `epochs` over the training vectors, 32 a step."""
    return epochs * -(-data.train_vectors // 32)


PUBLISHED: dict[str, Callable[[], Config]] = {
    "hyperdiffusion-paper": lambda: paper(AIRPLANE),
    "hyperdiffusion-code": lambda: code(AIRPLANE),
    "hyperdiffusion-chair-paper": lambda: paper(CHAIR),
    "hyperdiffusion-chair-code": lambda: code(CHAIR),
    "hyperdiffusion-car-paper": lambda: paper(CAR),
    "hyperdiffusion-car-code": lambda: code(CAR),
    "hyperdiffusion-4d-paper": lambda: paper(ANIMALS),
    "hyperdiffusion-4d-code": lambda: code(ANIMALS),
}
