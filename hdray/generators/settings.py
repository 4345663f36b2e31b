"""Settings of generators: the denoising network, its diffusion, its training, and sampling from it."""

from dataclasses import dataclass

from hdray.settings import STRICT, check, check_choice, check_positive, execution, later

KINDS = ("hyperdiffusion", "voxel-diffusion", "latent-diffusion", "point-diffusion", "lora-diffusion")
LARGEST_RESOLUTION = 890
"""Marching cubes numbers the edges of its grid in 32 bits, three to a cell."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings:
    """Diffusion of vectors: HyperDiffusion (section 5), the baselines it is compared with (section 6), and others."""

    __pydantic_config__ = STRICT

    kind: str = later("hyperdiffusion")
    """hyperdiffusion (a token a layer of weights), lora-diffusion (a token a layer's pairs), latent-diffusion (of mnif's latents),
    voxel-diffusion, point-diffusion."""
    width: int = 2_880
    """Width of a token in the transformer; channels of the U-Net's finest level; width of point-diffusion's latents, of the MLP."""
    layers: int = 12
    """Transformer blocks; residual blocks of each U-Net level, or of the MLP; rounds of point-diffusion."""
    heads: int = 16
    """Attention heads (lora-diffusion's attention between the pairs of a layer has one a pair)."""
    patch: int = later(1)
    """Voxel-diffusion only: edge of the cubes of voxels that are one place of the U-Net's finest level."""
    timesteps: int = 500
    """Diffusion steps T of the training process."""
    noise_schedule: str = later("linear")
    """How noise grows over the diffusion steps: linear (in the variance a step adds) or cosine (in the signal that is left)."""
    beta_start: float = 1e-4
    """First variance of the linear noise schedule."""
    beta_end: float = 2e-2
    """Last variance of the linear noise schedule."""
    predict: str = "x0"
    """What the network outputs: x0 (the clean vector, as published) or noise."""
    normalisation: str = "dimension"
    """Scaling of vectors before diffusion: none (as published), scalar, token or dimension (standardised by each)."""
    delta: bool = True
    """Model the difference from the shared initialisation (no difference when normalising by dimension)."""
    seed: int = later(0)
    """Another number repeats training and sampling, on the same fits, with other draws."""

    def __post_init__(self) -> None:
        check_choice(self, "kind", KINDS)
        check_choice(self, "noise_schedule", ("linear", "cosine"))
        check_positive(self, "width", "layers", "heads", "patch", "timesteps", "beta_start")
        check("heads", self.heads, self.width % self.heads == 0, f"a divisor of generator.width = {self.width}")
        check("beta_end", self.beta_end, self.beta_start <= self.beta_end < 1, "between beta_start and 1")
        check_choice(self, "predict", ("x0", "noise"))
        check_choice(self, "normalisation", ("none", "scalar", "token", "dimension"))


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Training by Ray Train and DeepSpeed."""

    __pydantic_config__ = STRICT

    steps: int = 100_000
    """Optimiser steps."""
    batch_size: int = 32
    """Vectors per step over all workers together; the number of workers must divide it."""
    learning_rate: float = 2e-4
    """Peak learning rate of AdamW."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW."""
    decay_everything: bool = False
    """Decay biases, norms and embeddings too (as the published code does); otherwise matrices only."""
    schedule: str = "cosine"
    """constant, cosine (to zero), step (multiplied by step_factor every step_epochs epochs, as published), or stages (so from
    each of `stages` to the next)."""
    step_epochs: int = 200
    """Step schedule only: epochs between drops."""
    step_factor: float = 0.9
    """Schedules step and stages only: what the learning rate is multiplied by (0.8 in the paper, 0.9 in its code)."""
    stages: int = later(5)
    """Schedule stages only: equal parts that training is divided into, however many steps make an epoch."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from zero."""
    clip: float = 0.0
    """Largest global gradient norm; 0 turns clipping off."""
    ema: float = 0.0
    """Decay of the moving average of the weights that is exported and sampled from; 0 turns it off."""
    zero_stage: int = execution(1)
    """DeepSpeed ZeRO stage: 0, 1, 2 or 3."""
    precision: str = "bf16"
    """bf16 (fp32 master weights and gradient accumulation; under ZeRO 0 by autocast) or fp32."""
    workers: int = execution(1)
    """Training workers (one GPU each where there are GPUs)."""
    checkpoint_steps: int = execution(1_000)
    """Steps between checkpoints: what a killed run loses at most."""
    log_steps: int = execution(20)
    """Steps between points of the loss curve and progress lines."""
    max_failures: int = execution(3)
    """Times Ray Train restarts the workers from the last checkpoint before giving up."""

    def __post_init__(self) -> None:
        check_positive(self, "steps", "batch_size", "learning_rate", "step_epochs", "step_factor", "workers")
        check_positive(self, "stages", "checkpoint_steps", "log_steps")
        for name in ("weight_decay", "warmup_steps", "clip", "max_failures"):
            check(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        check("ema", self.ema, 0 <= self.ema < 1, "at least 0 and below 1")
        check_choice(self, "schedule", ("constant", "cosine", "step", "stages"))
        check_choice(self, "precision", ("bf16", "fp32"))
        check("zero_stage", self.zero_stage, self.zero_stage in (0, 1, 2, 3), "0, 1, 2 or 3")
        divides = self.batch_size % self.workers == 0
        check("workers", self.workers, divides, f"a divisor of batch_size = {self.batch_size}")


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """Sampling vectors from a trained generator, and turning them into meshes."""

    __pydantic_config__ = STRICT

    count: int = execution(64)
    """Shapes to generate."""
    sampler: str = execution("ddim")
    """ddim (deterministic given its seed) or ddpm."""
    steps: int = execution(100)
    """Denoising steps of ddim, at most generator.timesteps; ddpm always takes all of them."""
    batch_size: int = execution(32)
    """Vectors denoised together, short batches padded; another size changes samples by rounding only."""
    resolution: int = execution(128)
    """Cells along each edge of the grid a mesh is extracted on."""
    level: float = execution(0.5)
    """Occupancy probability of the surface (0.5; 0.8 in the published test code)."""
    method: str = execution("coarse-to-fine")
    """Grid evaluation: coarse-to-fine (only near the surface) or dense (every grid point)."""
    legacy_grid: bool = execution(False)
    """Shear the grid by up to a cell, as HyperDiffusion's code does; only to compare with it, needs method dense."""
    mesh_format: str = execution("ply")
    """File format of the meshes: ply, obj or glb."""

    def __post_init__(self) -> None:
        check_positive(self, "count", "steps", "batch_size")
        check_choice(self, "sampler", ("ddim", "ddpm"))
        check_choice(self, "method", ("coarse-to-fine", "dense"))
        check_choice(self, "mesh_format", ("ply", "obj", "glb"))
        fits = 8 <= self.resolution <= LARGEST_RESOLUTION
        check("resolution", self.resolution, fits, f"between 8 and {LARGEST_RESOLUTION}")
        check("level", self.level, 0 < self.level < 1, "a probability between 0 and 1")
