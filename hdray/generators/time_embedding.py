"""The diffusion step as a vector that convolutions and points are conditioned on."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FREQUENCIES = 64
SLOWEST = 1e-4


class TimeEmbedding(nn.Module):
    """Sines and cosines of the step at 64 frequencies from 1 down to 1e-4 (DDPM's), and two layers over them.

    (The transformer's features in `transformer.time_features` go up to 2^20 and hold the step itself, which its norms
    can take; here neighbouring steps get neighbouring vectors.)
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(2 * FREQUENCIES, width)
        self.contract = nn.Linear(width, width)

    def forward(self, timestep: Tensor) -> Tensor:
        """Integer steps (B,) to (B, W), in the precision of the weights."""
        exponents = torch.linspace(0, math.log(SLOWEST), FREQUENCIES, device=timestep.device)
        angles = timestep.float().unsqueeze(1) * exponents.exp()
        features = torch.cat([angles.sin(), angles.cos()], dim=1).to(self.expand.weight.dtype)
        return self.contract(functional.silu(self.expand(features)))
