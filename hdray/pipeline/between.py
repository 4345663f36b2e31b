"""What lies between two shapes in a weight space: surfaces of fields on the straight line from one vector to the other."""

from collections.abc import Sequence

import torch

from hdray.config.tree import Config
from hdray.generators.interpolation import linear
from hdray.pipeline.instances import ACCEPTED, Fitted, read_columns
from hdray.pipeline.report_stage import preview
from hdray.pipeline.run_directory import RunDirectory
from hdray.report.weight_spaces import Between

FRAMES = 6
FINEST = 64
"""Cells along an edge: small pictures."""


def common_ends(configs: Sequence[Config]) -> tuple[str, str] | None:
    """Ids of the two shapes that are held out and fitted in all these runs, the first such in order; None for fewer.

    Ids are hashes of names, so the order is as good as random, and the same whenever the same data are looked at.
    """
    everywhere: set[str] | None = None
    for config in configs:
        rows = read_columns(RunDirectory(config.run), ["split", "status", "reason"]).to_pylist()
        fitted = {
            row["id"] for row in rows if row["split"] != "train" and row["status"] == ACCEPTED and row["reason"] is None
        }
        everywhere = fitted if everywhere is None else everywhere & fitted
    first = sorted(everywhere or ())[:2]
    return (first[0], first[1]) if len(first) == 2 else None


def between(fitted: Fitted, ends: tuple[str, str], config: Config) -> Between:
    """Surfaces from one end to the other; of animations their first frames."""
    rows = [fitted.ids.index(name) for name in ends]
    first, last = torch.from_numpy(fitted.theta[rows])  # (D,) each
    found = [
        next(iter(preview(vector.numpy(), config, config.generate.level, FINEST)), None)
        for vector in linear(first, last, FRAMES)
    ]
    return Between(ends=(fitted.sources[rows[0]], fitted.sources[rows[1]]), meshes=found, up=config.inputs.up)
