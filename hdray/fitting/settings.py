"""Settings of fitting by descent."""

from dataclasses import dataclass

from hdray.generators.settings import TrainSettings
from hdray.settings import STRICT, check, check_choice, check_positive, later


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Fitting K fields at once by Adam on binary cross entropy (HyperDiffusion, section 4)."""

    __pydantic_config__ = STRICT

    batch_size: int = 16
    """Shapes fitted together; short batches are padded, so a vector never depends on its neighbours."""
    steps: int = 1_000
    """Optimiser steps per shape: all of them under the cosine schedule, at most this many under plateau."""
    points_per_step: int = 2_048
    """Points per shape and step, drawn with replacement."""
    learning_rate: float = 5e-3
    """Adam's initial learning rate."""
    schedule: str = "cosine"
    """cosine (to zero over `steps`) or plateau (the published code's: x0.8 after 10 epochs without improvement)."""
    plateau_patience: int = 10
    """Plateau only: epochs without improvement before the learning rate drops."""
    plateau_factor: float = 0.8
    """Plateau only: what the learning rate is multiplied by when it drops."""
    minimum_learning_rate: float = 1e-5
    """Plateau only: the floor of the learning rate."""
    stop_patience: int = 50
    """Plateau only: epochs without improvement after which a shape stops."""
    initialisation: str = "fitted"
    """Start: fitted (the first accepted training shape), random (one draw), meta (learned by Reptile) or independent (of each)."""
    meta_rounds: int = later(100)
    """Start `meta` only: rounds of batch_size training shapes each that it is learned in."""
    meta_steps: int = later(20)
    """Start `meta` only: steps that each of these shapes is fitted for."""
    precision: str = "auto"
    """Arithmetic of matrix products, of mnif of means and sines too: auto (bf16 where the hardware has it), bf16 or fp32."""
    seed: int = later(0)
    """Another number repeats descent, on the same points and shared networks, with other draws: of starts and of each step's points."""
    minimum_near_iou: float = 0.5
    """Quality gate: fits whose IoU on held-out near-surface points is lower are kept out of training."""

    def __post_init__(self) -> None:
        check_positive(self, "batch_size", "steps", "points_per_step", "learning_rate", "plateau_patience")
        check_positive(self, "minimum_learning_rate", "stop_patience", "meta_rounds", "meta_steps")
        check_choice(self, "schedule", ("cosine", "plateau"))
        check_choice(self, "initialisation", ("fitted", "random", "meta", "independent"))
        check_choice(self, "precision", ("auto", "bf16", "fp32"))
        check("plateau_factor", self.plateau_factor, 0 < self.plateau_factor < 1, "between 0 and 1")
        check("minimum_near_iou", self.minimum_near_iou, 0 <= self.minimum_near_iou <= 1, "between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class AutoDecodingSettings:
    """Training a base network with a latent code for each shape (Yang et al., sections 3.3 and 8.3)."""

    __pydantic_config__ = STRICT

    points_per_row: int = 32_768
    """Points in a row of the batch, divided among its shapes: with 16 rows, 16 x 32,768 in the last stage, as published."""
    stages: int = 5
    """Equal parts of training: rows hold 2^(stages - 1) shapes in the first, half as many in each further one, then 1."""
    latent_weight: float = 1e-4
    """Weight of a code's squared length in the loss (1e-4 as published)."""
    latent_deviation: float = 0.01
    """Standard deviation that entries of codes start with."""

    def __post_init__(self) -> None:
        check_positive(self, "latent_deviation")
        check("latent_weight", self.latent_weight, self.latent_weight >= 0, "0 or more")
        check("stages", self.stages, 1 <= self.stages <= 16, "between 1 and 16")
        shapes = 2 ** (self.stages - 1)
        divides = self.points_per_row > 0 and self.points_per_row % shapes == 0
        check("points_per_row", self.points_per_row, divides, f"a multiple of {shapes}, the shapes of a row at first")


@dataclass(frozen=True, kw_only=True)
class SharedSettings(TrainSettings, AutoDecodingSettings):
    """Training what fields share (kinds lora, mlora and mnif), by Ray Train and DeepSpeed: keys as in `train`, and more."""

    __pydantic_config__ = STRICT

    steps: int = 20_000
    """Optimiser steps."""
    batch_size: int = 16
    """Rows of points per step over all workers together (shapes of mnif); the number of workers must divide it."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    ema: float = 0.999
    """Decay of the moving average of the weights that fields then share; 0 turns it off."""
    stages: int = 5
    """Equal parts of training: rows hold 2^(stages - 1) shapes in the first, half as many in each further one, then 1 (of mnif
    always 1); from each to the next schedule stages lowers the learning rate."""

    def __post_init__(self) -> None:
        TrainSettings.__post_init__(self)
        AutoDecodingSettings.__post_init__(self)
