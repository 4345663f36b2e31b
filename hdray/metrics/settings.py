"""Settings of a run's evaluation: the protocol that every number is reported with, and what is measured beside it."""

from dataclasses import dataclass

from hdray.metrics.protocols import PROTOCOLS
from hdray.settings import STRICT, check, check_choice, check_positive, execution

GONE = {
    "evaluate.normalisation": "evaluate.protocol names how clouds are scaled",
    "evaluate.squared": "evaluate.protocol says whether distances are squared",
    "evaluate.noise": "the noised copies of the audit are those of the control noise-0.02",
}
"""Keys of former configurations, and what holds their place."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Generated against held-out shapes by Chamfer distance under a named protocol, and the audit of memorisation."""

    __pydantic_config__ = STRICT

    protocol: str = execution("none")
    """How sets are compared, by name: none (clouds as they are, squared distances, any numbers); see docs/evaluation.md."""
    points: int = execution(0)
    """Surface points per shape, at most signal.surface_points; 0 takes the protocol's, or all where it names none."""
    reference_split: str = execution("test")
    """The held-out split generated shapes are compared with: validation, test, or held-out (both)."""
    neighbours: int = execution(3)
    """Nearest training shapes recorded for each generated one."""
    deduplicate: bool = execution(False)
    """Compare only the generated shapes least like others in weights, 1.01 for each reference (HyperDiffusion's chairs)."""
    controls: bool = execution(True)
    """Also score sets whose worth is known (training shapes, copies with noise, averages, a Gaussian, one repeated)."""

    def __post_init__(self) -> None:
        check_positive(self, "neighbours")
        check("points", self.points, self.points == 0 or self.points >= 2, "0, or 2 or more")
        check_choice(self, "protocol", PROTOCOLS)
        check_choice(self, "reference_split", ("validation", "test", "held-out"))
