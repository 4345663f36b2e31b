"""From settings to a generator."""

from hdray.generators.hyperdiffusion import HyperDiffusion
from hdray.generators.latent_diffusion import LatentDiffusion
from hdray.generators.lora_diffusion import LoraDiffusion
from hdray.generators.point_diffusion import PointDiffusion
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.vector_diffusion import VectorDiffusion
from hdray.generators.voxel_diffusion import VoxelDiffusion

GENERATORS: dict[str, type[VectorDiffusion]] = {
    "hyperdiffusion": HyperDiffusion,
    "voxel-diffusion": VoxelDiffusion,
    "latent-diffusion": LatentDiffusion,
    "point-diffusion": PointDiffusion,
    "lora-diffusion": LoraDiffusion,
}


def build_generator(layout: Spans, settings: GeneratorSettings) -> VectorDiffusion:
    """An untrained generator of `settings.kind` for vectors of this layout.

    Raises ValueError for a layout that the kind cannot model.
    """
    return GENERATORS[settings.kind](layout, settings)
