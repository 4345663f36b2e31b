"""Distances to the training shapes: what says whether a generator makes shapes or gives back those it was trained on.

Like is compared with like. A generated shape is the surface of a field, so training and held-out shapes are taken by the
surfaces of their fields too: beside their own surfaces, what fitting and meshing lose would move every generated shape
away from the training shapes, copies included, and hide that they are copies.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hdray.metrics.novelty import nearest, weight_distances
from hdray.metrics.protocols import Protocol
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.pairwise import pairwise
from hdray.pipeline.scorer import normalised_clouds
from hdray.pipeline.shapes import Vectors

if TYPE_CHECKING:
    import numpy as np


class Audit:
    """Distances of any shapes to T training shapes, under the protocol that everything is compared with."""

    def __init__(self, training: Vectors, surfaces: ShapeSet, protocol: Protocol, resources: Resources) -> None:
        """`surfaces`: of the training vectors' fields, under the vectors' ids; some may have none."""
        import ray

        self.ids, self.protocol, self.resources = training.ids, protocol, resources
        self._theta = ray.put(training.theta.numpy())
        row_of = {name: row for row, name in enumerate(training.ids)}
        self._rows = [row_of[name] for name in surfaces.names]
        self._clouds = normalised_clouds(surfaces, protocol)

    def chamfer(self, shapes: ShapeSet) -> Tensor:
        """Chamfer distances (N, T); to a training shape whose field has no surface they are infinite."""
        clouds = normalised_clouds(shapes, self.protocol)
        found = pairwise("chamfer", clouds, self._clouds, squared=self.protocol.squared, resources=self.resources)
        return self._of_all(found)

    def to_others(self, ids: Sequence[str]) -> Tensor:
        """Chamfer distance of these training shapes to the nearest other one, (N,): those without a surface left out."""
        wanted = set(ids)
        own = [index for index, row in enumerate(self._rows) if self.ids[row] in wanted]
        clouds = [self._clouds[index] for index in own]
        found = pairwise("chamfer", clouds, self._clouds, squared=self.protocol.squared, resources=self.resources)
        found[range(len(own)), own] = torch.inf  # a shape is no neighbour of its own
        return self._of_all(found).amin(dim=1)

    def weights(self, theta: Tensor) -> Tensor:
        """Euclidean distances (N, T) of vectors (N, D), in one Ray task, on a GPU if there is one."""
        import ray

        gpus = self.resources.gpus_per_actor
        task = ray.remote(_weights).options(num_cpus=0 if gpus else 1, num_gpus=gpus)
        return torch.from_numpy(ray.get(task.remote(theta.numpy(), self._theta)).copy())

    def both(self, vectors: Vectors, shapes: ShapeSet, with_weights: bool) -> dict[str, Tensor]:
        """{"chamfer", "weights"} (N, T) of shapes that have a surface, among these vectors."""
        found = {"chamfer": self.chamfer(shapes)}
        return found | ({"weights": self.weights(vectors.of(shapes.names))} if with_weights else {})

    def _of_all(self, found: Tensor) -> Tensor:
        distances = found.new_full((len(found), len(self.ids)), torch.inf)
        distances[:, self._rows] = found
        return distances


def _weights(theta: "np.ndarray", training: "np.ndarray") -> "np.ndarray":
    use_threads(0)
    device = worker_device()
    # Copied: what lies in the object store may not be written to, and torch would warn of that.
    return weight_distances(torch.from_numpy(theta.copy()), torch.from_numpy(training.copy()), device).numpy()


def neighbours(
    names: Sequence[str], training: Sequence[str], distances: dict[str, Tensor], count: int
) -> dict[str, list[dict[str, Any]]]:
    """Per generated shape its nearest training shapes by Chamfer distance, then those in weights that are not among them.

    Each with both distances, {"chamfer", "weights"} (N, T), null where infinite, and both ranks, counted from 1.
    """
    order = {space: nearest(matrix, len(training)).indices for space, matrix in distances.items()}  # (N, T)
    ranks = {space: indices.argsort(dim=1) + 1 for space, indices in order.items()}  # (N, T), by training shape
    found: dict[str, list[dict[str, Any]]] = {}
    for row, name in enumerate(names):
        picks = [
            pick for space in ("chamfer", "weights") if space in order for pick in order[space][row, :count].tolist()
        ]
        found[name] = [
            {
                "id": training[pick],
                **{space: _finite(float(matrix[row, pick])) for space, matrix in distances.items()},
                **{f"{space}_rank": int(ranks[space][row, pick]) for space in distances},
            }
            for pick in dict.fromkeys(picks)
        ]
    return found


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None
