"""Random streams named by what they are for, so that order, chunking and workers never change a draw."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_of(*parts: int | str) -> int:
    """A 63-bit seed from the run seed and names, e.g. `seed_of(run_seed, instance_id, "points")`."""
    digest = hashlib.blake2b("\x1f".join(str(part) for part in parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_stream(*parts: int | str) -> np.random.Generator:
    """A numpy generator of its own for these names."""
    return np.random.default_rng(seed_of(*parts))


def torch_stream(*parts: int | str) -> "torch.Generator":
    """A torch CPU generator of its own for these names (draw on the CPU, then move: same numbers on every device)."""
    import torch

    return torch.Generator().manual_seed(seed_of(*parts))
