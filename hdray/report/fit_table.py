"""How well shapes were fitted, as a table."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_LOW = 0.05  # the quantile that says how well the worst ones are fitted


@dataclass(frozen=True)
class Quantiles:
    """How well shapes were fitted on one kind of points."""

    name: str
    median: str
    fifth: str
    mean: str


def fit_table(uniform: npt.NDArray[np.float64], near: npt.NDArray[np.float64], inputs: int) -> list[Quantiles]:
    """Quantiles over the fitted shapes, and over all `inputs` with those that have no field counted as 0."""
    rows = []
    for name, values in (("near the surface", near), ("uniform in the box", uniform)):
        rows.append(_quantiles(name, values))
        if inputs > len(values):
            rows.append(_quantiles(f"{name}, all {inputs} inputs", np.pad(values, (0, inputs - len(values)))))
    return rows


def _quantiles(name: str, values: npt.NDArray[np.float64]) -> Quantiles:
    return Quantiles(name, *(f"{v:.3f}" for v in (np.median(values), np.quantile(values, _LOW), values.mean())))
