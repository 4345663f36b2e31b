"""HyperDiffusion: a generator of weight vectors by diffusion (Erkoc et al., ICCV 2023, section 5)."""

from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.transformer import TokenTransformer
from hdray.generators.vector_diffusion import VectorDiffusion


class HyperDiffusion(VectorDiffusion):
    """Diffusion of the weights of MLPs, denoised by a transformer over a token for each piece of the layout."""

    NETWORK = "transformer"

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        super().__init__(layout, settings)
        self.transformer = TokenTransformer(self.sizes, settings)
