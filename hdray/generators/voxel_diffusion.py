"""The voxel baseline: diffusion of grids of occupancy logits (HyperDiffusion, section 6.2)."""

from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.unet3d import UNet3D
from hdray.generators.vector_diffusion import VectorDiffusion


class VoxelDiffusion(VectorDiffusion):
    """Diffusion of the vectors of `hdray.fields.voxels.VoxelField`, denoised by a 3D U-Net."""

    NETWORK = "unet"

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one grid."""
        super().__init__(layout, settings)
        if len(layout.pieces) != 1:
            raise ValueError(f"voxel-diffusion needs a layout of one grid, not of {len(layout.pieces)} pieces")
        self.unet = UNet3D(layout.pieces[0].shape, settings)
