"""What the vectors of a run stand for, from its configuration and what they share."""

from collections.abc import Mapping
from functools import lru_cache

import torch

from hdray.config.tree import Config
from hdray.fields.build import Representation, build_field
from hdray.fields.sharing import shares
from hdray.pipeline.model_file import tensor_sizes
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import read_bytes

TRAINED, DRAWN = "shared.", "drawn."
"""Names of networks, and of what is drawn for all instances, begin so in the file of the common initialisation."""
FORMER_MASKS = f"{TRAINED}masks."
"""Names of masks, the only thing that was drawn then, in files of former versions."""


def initialisation_url(run: RunDirectory) -> str:
    """Where lies what the run's vectors have in common: where their fits start, networks and masks."""
    return run.path("shared", "initialisation.safetensors")


def field_of(config: Config) -> Representation:
    """The field of the run at `config.run`, or its cloud of points; what its vectors share is read from there."""
    return field_with(config, read_shared(initialisation_url(RunDirectory(config.run))) if shares(config.field) else {})


def field_with(config: Config, shared: Mapping[str, torch.Tensor]) -> Representation:
    """The field, its vectors having this in common."""
    shared_or_none = shared if shares(config.field) else None
    return build_field(config.field, config.signal.surface_points, config.signal.frames, shared_or_none)


def entries(run: RunDirectory) -> tuple[int, int]:
    """Entries of a vector of the run, and of the networks that its vectors have in common, without what is drawn."""
    sizes = tensor_sizes(initialisation_url(run))
    trained = (name for name in sizes if name.startswith(TRAINED) and not name.startswith(FORMER_MASKS))
    return sizes["theta"], sum(sizes[name] for name in trained)


@lru_cache(maxsize=1)  # a task makes the same field again and again
def read_shared(url: str) -> dict[str, torch.Tensor]:
    """Networks, and what is drawn, by name."""
    from safetensors.torch import load

    return {
        name.removeprefix(prefix): tensor
        for name, tensor in load(read_bytes(url)).items()
        for prefix in (TRAINED, DRAWN)
        if name.startswith(prefix)
    }
