"""The table of generated shapes beside sets whose worth is known."""

from collections.abc import Mapping
from dataclasses import dataclass

_CONTROLS = {
    "real": "Real against real: training shapes themselves",
    "training": "Training vectors, by the surfaces of their fields",
    "noise-0.02": "Training vectors plus noise of 0.02",
    "noise-0.04": "Training vectors plus noise of 0.04",
    "average": "Averages of two training vectors",
    "nearest": "Between a training vector and its nearest neighbour",
    "pca-gaussian": "A Gaussian with the training vectors' mean and covariance",
    "repeated": "One training vector, repeated",
}
_COLUMNS = ("count", "empty", "mmd_cd", "cov_cd", "nna_cd", "nearest_chamfer", "copying_z")


@dataclass(frozen=True)
class ComparedSet:
    """A row of the table of controls; a value that is not known is a dash."""

    name: str
    values: tuple[str, ...]
    own: bool


def compared_sets(
    metrics: Mapping[str, float], controls: Mapping[str, Mapping[str, float]], protocol: Mapping[str, object]
) -> list[ComparedSet]:
    """The generated shapes and the controls: how many are compared, how many made are empty, MMD, COV, 1-NNA, nearest
    training distance and copying Z. The protocol holds the numbers of generated shapes.
    """
    if not controls:
        return []
    named = {"nearest_chamfer": "nearest_chamfer_generated", "copying_z": "nearest_chamfer_copying_z"}
    own: dict[str, object] = {
        column: metrics[name] for column in _COLUMNS if (name := named.get(column, column)) in metrics
    }
    own |= {column: protocol[name] for column, name in (("count", "generated"), ("empty", "empty")) if name in protocol}
    rows: list[tuple[str, Mapping[str, object], bool]] = [("Generated", own, True)]
    rows += [(_CONTROLS.get(kind, kind), row, False) for kind, row in controls.items()]
    return [
        ComparedSet(name, tuple(_cell(row[column]) if column in row else "\N{EN DASH}" for column in _COLUMNS), is_own)
        for name, row, is_own in rows
    ]


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
