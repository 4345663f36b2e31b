"""Generated against reference shapes: the numbers, and beside them the protocol that they were measured with."""

from typing import Any

import torch
from torch import Tensor

from hdray.metrics.distribution import distribution_metrics
from hdray.metrics.settings import EvaluateSettings
from hdray.metrics.temporal import chamfer_distances, normalised


def evaluate(
    generated: Tensor, references: Tensor, empties: int, settings: EvaluateSettings, device: torch.device | str = "cpu"
) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics {mmd_cd, cov_cd, nna_cd} (cov and nna are fractions) and protocol of clouds (G, P, 3) and (R, P, 3),
    or of animations (G, T, P, 3) and (R, T, P, 3).

    `generated` holds the shapes that have a surface, `empties` counts those without; the clouds have settings.points
    points each. Raises ValueError where one side has no shapes.
    """
    for clouds in (generated, references):
        if clouds.shape[-2:] != (settings.points, 3):
            raise ValueError(
                f"clouds have shape {tuple(clouds.shape)}; they must be (N, {settings.points}, 3), or (N, T, {settings.points}, 3)"
            )
    made, real = normalised(generated, settings.normalisation), normalised(references, settings.normalisation)
    metrics = distribution_metrics(
        chamfer_distances(made, real, squared=settings.squared, device=device),
        chamfer_distances(made, squared=settings.squared, device=device),
        chamfer_distances(real, squared=settings.squared, device=device),
        empties,
    )
    return {f"{name}_cd": value for name, value in metrics.items()}, protocol(settings, len(made), empties, real)


def protocol(settings: EvaluateSettings, solid: int, empties: int, references: Tensor) -> dict[str, Any]:
    """What a reader needs to compare the numbers with others'."""
    return {
        "distance": "Chamfer: mean nearest distance of both directions, summed",
        **({"frames": f"{references.shape[1]}, distances averaged over them"} if references.dim() == 4 else {}),
        "squared": settings.squared,
        "points": settings.points,
        "normalisation": settings.normalisation,
        "generated": solid + empties,
        "empty": empties,
        "empty_counts_as": "a miss: never nearest, covers nothing, told apart from the references",
        "references": len(references),
        "reference_split": settings.reference_split,
    }
