"""Learned Fourier features: a first layer of sines (Yang et al., *Weight Space Representation Learning with Neural Fields*, 8.1)."""

import torch
from torch import Tensor


def fourier_features(coords: Tensor, weight: Tensor, bias: Tensor, omega: float) -> Tensor:
    """sin(omega (W p + b)): features (K, P, H) of coords (K, P, d), with weights (K, H, d) and biases (K, H)."""
    return torch.sin(torch.baddbmm(bias.unsqueeze(1), coords, weight.transpose(1, 2)) * omega)
