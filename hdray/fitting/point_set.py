"""The labelled points of the shapes that shared networks are trained on, read a draw at a time.

Shapes in comments: N shapes, S points stored of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PointSet:
    """All points of some shapes, as arrays or memory maps: of these, only what is drawn is read."""

    ids: Sequence[str]
    points: np.ndarray
    """(N, S, 3) uint16, coded; of animations S/T of each of T frames, frame after frame."""
    labels: np.ndarray
    """(N, S/8) uint8, packed."""

    def __post_init__(self) -> None:
        """Raise ValueError for no shapes, or for ids, points and labels that are not of the same ones."""
        count = len(self.ids)
        stored = self.points.shape[1] if self.points.ndim == 3 else 0
        fits = self.points.shape == (count, stored, 3) and self.labels.shape == (count, stored // 8)
        if not count or not stored or stored % 8 or not fits:
            raise ValueError(
                f"{count} ids, points {self.points.shape} and labels {self.labels.shape} do not fit together; they must be "
                "N of at least 1, (N, S, 3) and (N, S / 8)"
            )

    @property
    def stored(self) -> int:
        """S."""
        return self.points.shape[1]

    def drawn(self, shapes: np.ndarray | int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (..., 3) uint16 and labels (...) uint8, 0 or 1, of the points at some places of some shapes.

        shapes: rows, and places: numbers of their points, both whole numbers that broadcast to (...).
        """
        bits = self.labels[shapes, places // 8] >> (places % 8).astype(np.uint8)
        return self.points[shapes, places], bits & 1
