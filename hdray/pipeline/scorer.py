"""Metrics of sets of shapes against one reference set under one protocol, distances being Ray tasks.

Both forms of jobs/evaluate.py and the controls beside generated shapes go through here.
"""

from typing import Any

from torch import Tensor

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol
from hdray.metrics.scoring import Distances, distance_scores
from hdray.metrics.selection import Selection
from hdray.metrics.shape_sets import ShapeSet, stacked
from hdray.metrics.temporal import normalised
from hdray.pipeline.cluster import Resources
from hdray.pipeline.pairwise import pairwise


class Scorer:
    """Distances among the references are computed once, however many sets are compared with them."""

    def __init__(self, reference: ShapeSet, protocol: Protocol, seed: int, resources: Resources) -> None:
        self.protocol, self.seed, self.resources = protocol, seed, resources
        measures = ("chamfer", "emd") if protocol.emd_points else ("chamfer",)
        self._real = {distance: self._clouds(reference, distance) for distance in measures}
        self._within = {distance: self._distances(distance, clouds, None) for distance, clouds in self._real.items()}

    def scores(self, selection: Selection) -> tuple[dict[str, float], dict[str, Any]]:
        """Metrics of a selection with these references and their intervals, as `distance_scores` gives them."""
        metrics: dict[str, float] = {}
        intervals: dict[str, Any] = {}
        for distance, real in self._real.items():
            made = self._clouds(selection.generated, distance)
            matrices = Distances(
                self._distances(distance, made, real),
                self._distances(distance, made, None),
                self._within[distance],
            )
            name = "cd" if distance == "chamfer" else distance
            found, around = distance_scores(matrices, name, selection, self.protocol, self.seed)
            metrics |= found
            intervals |= around
        return metrics, intervals

    def _distances(self, distance: str, a: list[Tensor], b: list[Tensor] | None) -> Tensor:
        # Published earth mover's distances are of distances, whatever a protocol squares in its Chamfer distances.
        squared = self.protocol.squared and distance == "chamfer"
        return pairwise(distance, a, b, squared=squared, resources=self.resources)

    def _clouds(self, shapes: ShapeSet, distance: str) -> list[Tensor]:
        clouds = normalised_clouds(shapes, self.protocol)
        if distance == "chamfer":
            return clouds
        try:
            return list(stacked(clouds, self.protocol.emd_points, self.seed, shapes.names))
        except ValueError as error:
            raise UserError(f"the earth mover's distance needs clouds of --emd-points: {error}") from error


def normalised_clouds(shapes: ShapeSet, protocol: Protocol) -> list[Tensor]:
    """The clouds (P, 3) or (T, P, 3), each scaled as the protocol says."""
    return [normalised(cloud[None], protocol.normalisation)[0] for cloud in shapes.clouds]
