"""The generator of mNIF: diffusion of latents (You et al. 2023, section 4.2 and appendix A.3)."""

from hdray.generators.residual_mlp import ResidualMLP
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.vector_diffusion import VectorDiffusion


class LatentDiffusion(VectorDiffusion):
    """Diffusion of the vectors of `hdray.fields.siren_mixture.SirenMixture`, denoised by a residual MLP.

    As published: width 4,096, 8 blocks (4 in the paper), x0 prediction, 1,000 steps of the cosine schedule, latents
    standardised by dimension, all 1,000 steps when sampling (ddpm); AdamW of 1e-4, cosine to zero, batches of 64 (32 in
    the paper), 1,000 epochs, weight decay 0.01, samples from the weights themselves, not from their average.
    """

    NETWORK = "mlp"

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one latent, and for a width or blocks that the MLP cannot have."""
        super().__init__(layout, settings)
        if len(layout.pieces) != 1 or len(layout.pieces[0].shape) != 1:
            raise ValueError("latent-diffusion needs a layout of one piece, a latent (H,)")
        self.mlp = ResidualMLP(self.sizes[0], settings)
