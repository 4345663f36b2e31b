"""Settings of field families."""

from dataclasses import dataclass

from hdray.settings import STRICT, check, check_positive


@dataclass(frozen=True, kw_only=True)
class MLPSettings:
    """The HyperDiffusion field: a ReLU MLP over sines and cosines of the coordinates (section 4)."""

    __pydantic_config__ = STRICT

    width: int = 128
    """Units in each hidden layer."""
    layers: int = 3
    """Hidden layers."""
    frequencies: int = 4
    """Octaves of the positional encoding: 1, 2, 4, ... times the base, sine and cosine, the input kept beside them."""
    frequency_base: float = 1.0
    """Lowest angular frequency of the encoding, in radians per unit (1 as published; 3.14159 for pi)."""

    def __post_init__(self) -> None:
        check_positive(self, "width", "layers", "frequency_base")
        check("frequencies", self.frequencies, 0 <= self.frequencies <= 16, "between 0 and 16")
