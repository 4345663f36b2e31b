"""MMD, COV and 1-NNA of plain matrices: the means that hdray.metrics.scoring takes, without intervals."""

from torch import Tensor

from hdray.metrics.distribution import per_shape, with_empties


def metric_means(across: Tensor, own: Tensor, real: Tensor, empties: int = 0) -> dict[str, float]:
    """{"mmd", "cov", "nna"} of distances (G, R), (G, G), (R, R) of shapes with a surface, and the number of those without."""
    found = per_shape(*with_empties(across, own, empties), real)
    return {name: float(values.mean()) for name, values in found.items()}
