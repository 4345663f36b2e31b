"""What a run's vectors know of the categories of their shapes, as metrics of its evaluation (mLoRA paper, Table 4)."""

import torch

from hdray.errors import UserError
from hdray.metrics.classify import separation
from hdray.metrics.names import OF_CATEGORIES
from hdray.pipeline.instances import EVERYTHING, read_columns, read_fitted
from hdray.pipeline.run_directory import RunDirectory

MOST_VECTORS = 2_048
"""Vectors that are told apart: a split takes seconds then, and half a percent is resolved."""


def categories_told(run: RunDirectory, seed: int) -> tuple[dict[str, float], list[str]]:
    """Means over ten runs of what hdray.metrics.classify measures, of the first fitted shapes in order of their ids.

    No metrics where all shapes are of one category; none but a warning where there are too few of some.
    """
    fitted = read_fitted(run, EVERYTHING)
    known = {row["id"]: row["category"] or "" for row in read_columns(run, ["category"]).to_pylist()}
    chosen = fitted.at(sorted(range(len(fitted.ids)), key=fitted.ids.__getitem__)[:MOST_VECTORS])
    categories = [known[one] for one in chosen.ids]
    if len(set(categories)) < 2:
        return {}, []
    try:
        found = separation(torch.from_numpy(chosen.theta), categories, seed=seed)
    except UserError as error:
        return {}, [f"categories were not told apart: {error}"]
    means = (found.clustering.mean, found.nearest.mean, found.logistic.mean)
    return dict(zip(OF_CATEGORIES, means, strict=True)), []
