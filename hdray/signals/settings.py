"""Settings of shapes as occupancy: how meshes are read, repaired, placed and sampled."""

from dataclasses import dataclass

from hdray.settings import STRICT, check, check_choice, check_positive, execution


@dataclass(frozen=True, kw_only=True)
class OccupancySettings:
    """Occupancy of a mesh: the generalised winding number at random points (HyperDiffusion, section 4)."""

    __pydantic_config__ = STRICT

    normalisation: str = "box"
    """How a mesh is placed: box (bounding box into [-0.5, 0.5]^3, the paper) or mean (vertex mean, 0.475, the code)."""
    repair: str = "auto"
    """Orientation and closing of polygon soup: auto, or none (labels of the file as it is)."""
    frames: int = 0
    """Frames of an animation that one field spans, time being its fourth coordinate (16 as published); 0: still meshes."""
    time: str = "box"
    """Time coordinate of the frames: box (evenly over [-0.5, 0.5]) or index (0, 1, 2, ..., as the published code)."""
    uniform_points: int = 100_000
    """Training points per shape (per frame of an animation), uniform in the unit box."""
    near_points: int = 100_000
    """Training points per shape (per frame of an animation) near the surface (area-weighted surface sample plus noise)."""
    near_sigma: float = 0.01
    """Standard deviation of the near-surface noise, in units of the box edge."""
    held_out_points: int = 16_384
    """Fresh points per shape or frame of each kind (uniform, near) that fitting never sees, for IoU and BCE."""
    surface_points: int = 2_048
    """Points on the surface per shape or frame kept in the instances table, for metrics."""
    time_limit_s: float = execution(120.0)
    """Processor seconds one mesh may take to read, repair and label before it is rejected, for good in its run or store."""
    memory_limit_gb: float = execution(4.0)
    """Memory in GiB one mesh may take before it is rejected, for good in its run or store."""

    def __post_init__(self) -> None:
        check_choice(self, "normalisation", ("box", "mean"))
        check_choice(self, "repair", ("auto", "none"))
        check_choice(self, "time", ("box", "index"))
        check("frames", self.frames, self.frames == 0 or 2 <= self.frames <= 256, "0, or between 2 and 256")
        check_positive(self, "near_points", "uniform_points", "near_sigma", "held_out_points", "surface_points")
        check_positive(self, "time_limit_s", "memory_limit_gb")
        for name in ("uniform_points", "near_points", "held_out_points"):
            value = getattr(self, name)
            check(name, value, value % 8 == 0, "a multiple of 8 (labels are packed eight to a byte)")
