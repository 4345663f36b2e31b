"""The point-cloud baseline, in the manner of DPC and PVD: diffusion of the points themselves (HyperDiffusion, Table 1)."""

from hdray.generators.point_transformer import PointTransformer
from hdray.generators.settings import GeneratorSettings
from hdray.generators.tokens import Spans
from hdray.generators.vector_diffusion import VectorDiffusion


class PointDiffusion(VectorDiffusion):
    """Diffusion of the vectors of `hdray.fields.cloud.PointCloud`, denoised by a network that sees a set of points."""

    NETWORK = "points"

    def __init__(self, layout: Spans, settings: GeneratorSettings) -> None:
        """Raises ValueError for a layout that is not one cloud of points in space."""
        super().__init__(layout, settings)
        if len(layout.pieces) != 1 or layout.pieces[0].shape[1:] != (3,):
            raise ValueError("point-diffusion needs a layout of one piece, (P, 3)")
        self.points = PointTransformer(settings)
