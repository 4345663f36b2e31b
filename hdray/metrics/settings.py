"""Settings of evaluation: the protocol that every number is reported with."""

from dataclasses import dataclass

from hdray.settings import STRICT, check_choice, check_positive, execution

NORMALISATIONS = ("none", "std", "box", "sphere", "extent")
"""What hdray.metrics.normalise can do to a cloud."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Generated against held-out shapes by Chamfer distance (HyperDiffusion, section 6.3)."""

    __pydantic_config__ = STRICT

    points: int = execution(2_048)
    """Surface points per shape; at most signal.surface_points."""
    normalisation: str = execution("none")
    """Per-cloud scaling before distances: none, std (mean and deviation, as published), box, sphere or extent (published, 4D)."""
    squared: bool = execution(True)
    """Mean of squared nearest distances (as published) rather than of distances."""
    reference_split: str = execution("test")
    """The held-out split generated shapes are compared with: validation, test, or held-out (both)."""
    noise: float = execution(0.02)
    """Standard deviation of the noise in the baseline 'training weights plus noise' (memorisation audit)."""
    neighbours: int = execution(3)
    """Nearest training shapes recorded for each generated one."""
    deduplicate: bool = execution(False)
    """Compare only the generated shapes least like others in weights, 1.01 for each reference (HyperDiffusion's chairs)."""
    controls: bool = execution(True)
    """Also score sets whose worth is known (training shapes, copies with noise, averages, a Gaussian, one repeated)."""

    def __post_init__(self) -> None:
        check_positive(self, "points", "noise", "neighbours")
        check_choice(self, "normalisation", NORMALISATIONS)
        check_choice(self, "reference_split", ("validation", "test", "held-out"))
