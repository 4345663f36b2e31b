"""Balls as grids of logits: fields whose surfaces are known."""

from dataclasses import replace

import torch

from hdray.config.presets import demo
from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.signals.settings import OccupancySettings

VOXELS, POINTS, RADIUS = 32, 512, 0.3


def config() -> Config:
    """A run of such fields."""
    return replace(
        demo(),
        signal=OccupancySettings(surface_points=POINTS),
        field=FieldSettings(kind="voxels", voxels=VOXELS),
        generator=GeneratorSettings(kind="voxel-diffusion"),
        generate=GenerateSettings(resolution=32),
        evaluate=EvaluateSettings(points=POINTS),
    )


def ball(radius: float = RADIUS) -> torch.Tensor:
    """Logits (D,) of a ball, 0 on its surface."""
    centres = (torch.arange(VOXELS) + 0.5) / VOXELS - 0.5
    distance = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij")).norm(dim=0)
    return (20 * (radius - distance)).flatten()
