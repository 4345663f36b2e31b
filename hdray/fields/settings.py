"""Settings of field families."""

from dataclasses import dataclass

from hdray.settings import STRICT, check, check_choice, check_positive, later


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


@dataclass(frozen=True, kw_only=True)
class VoxelSettings:
    """The field of the voxel baseline: a grid of logits, read linearly (HyperDiffusion, section 6.2)."""

    __pydantic_config__ = STRICT

    voxels: int = later(24)
    """Kind voxels only: voxels along each edge of the box (24 as published)."""

    def __post_init__(self) -> None:
        check("voxels", self.voxels, 2 <= self.voxels <= 256, "between 2 and 256")


@dataclass(frozen=True, kw_only=True)
class FieldSettings(MLPSettings, VoxelSettings):
    """What a shape becomes: the kind of field, and the settings of every kind; each reads its own."""

    __pydantic_config__ = STRICT

    kind: str = later("mlp")
    """mlp (HyperDiffusion's), voxels (a grid of logits), or points (no field: the shape's surface points)."""

    def __post_init__(self) -> None:
        MLPSettings.__post_init__(self)
        VoxelSettings.__post_init__(self)
        check_choice(self, "kind", ("mlp", "voxels", "points"))
