"""The mLoRA paper's generator: diffusion of the low-rank weights of fields (arXiv 2512.01759, sections 3.5 and 8.5)."""

from hdray.generators.lora_transformer import LoraTransformer
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.vector_diffusion import VectorDiffusion


class LoraDiffusion(VectorDiffusion):
    """Diffusion of pairs of vectors, denoised by a transformer over a token for each layer.

    As published: T = 500, noise predicted, DDIM in 100 steps; width 2,880, 12 layers, 16 heads; batches of 256, learning
    rate 2e-4, 6,000 epochs. Without the encoder (the paper's Table 5: each matrix a token) it is `HyperDiffusion`, on the
    same layout.
    """

    NETWORK = "transformer"

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one of pairs, and weights and biases."""
        super().__init__(layout, settings)
        self.transformer = LoraTransformer(layout, settings)
