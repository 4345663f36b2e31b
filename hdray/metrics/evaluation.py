"""Generated against reference shapes: the numbers, and beside them the protocol that they were measured with."""

from typing import Any

import torch
from torch import Tensor

from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.distribution import distribution_metrics
from hdray.metrics.normalise import normalise
from hdray.metrics.settings import EvaluateSettings


def evaluate(
    generated: Tensor, references: Tensor, empties: int, settings: EvaluateSettings, device: torch.device | str = "cpu"
) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics {mmd_cd, cov_cd, nna_cd} (cov and nna are fractions) and protocol of clouds (G, P, 3) and (R, P, 3).

    `generated` holds the shapes that have a surface, `empties` counts those without; the clouds have settings.points
    points each. Raises ValueError where one side has no shapes.
    """
    for clouds in (generated, references):
        if clouds.shape[1:] != (settings.points, 3):
            raise ValueError(f"clouds have shape {tuple(clouds.shape)}; they must be (N, {settings.points}, 3)")
    made, real = normalise(generated, settings.normalisation), normalise(references, settings.normalisation)
    metrics = distribution_metrics(
        chamfer_matrix(made, real, squared=settings.squared, device=device),
        chamfer_matrix(made, squared=settings.squared, device=device),
        chamfer_matrix(real, squared=settings.squared, device=device),
        empties,
    )
    return {f"{name}_cd": value for name, value in metrics.items()}, protocol(settings, len(made), empties, len(real))


def protocol(settings: EvaluateSettings, solid: int, empties: int, references: int) -> dict[str, Any]:
    """What a reader needs to compare the numbers with others'."""
    return {
        "distance": "Chamfer: mean nearest distance of both directions, summed",
        "squared": settings.squared,
        "points": settings.points,
        "normalisation": settings.normalisation,
        "generated": solid + empties,
        "empty": empties,
        "empty_counts_as": "a miss: never nearest, covers nothing, told apart from the references",
        "references": references,
        "reference_split": settings.reference_split,
    }
