"""BCE and IoU against their definitions, worked out one point at a time in numpy."""

import numpy as np
import pytest
import torch

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.quality import quality
from hdray.signals.points import decode, unpack
from tests.fitting.shapes import ball, box, coded

FIELD = MLPField(MLPSettings(width=8, layers=1, frequencies=0))


def always(logit: float) -> torch.Tensor:
    """A vector (D,) whose field has this logit everywhere."""
    theta = torch.zeros(FIELD.layout.size)
    theta[-1] = logit
    return theta


def test_equals_the_definition() -> None:
    points, labels = coded([ball(0.4), box(0.5, 0.5, 0.9)], 1_000)
    generator = torch.Generator().manual_seed(0)
    theta = torch.stack([FIELD.initialise(generator) for _ in range(2)]) * 3
    found = quality(FIELD, theta, points, labels, chunk=300)
    for row in range(2):
        logits = FIELD(theta[row : row + 1], decode(points[row : row + 1]))[0, :, 0].double().numpy()
        inside = unpack(labels[row]).numpy()
        probability = 1 / (1 + np.exp(-logits))
        cross_entropy = -np.where(inside, np.log(probability), np.log(1 - probability)).mean()
        predicted = probability > 0.5
        iou = (predicted & inside).sum() / (predicted | inside).sum()
        assert 0 < iou < 1
        assert found.bce[row].item() == pytest.approx(cross_entropy, rel=1e-6)
        assert found.iou[row].item() == pytest.approx(iou, rel=1e-6)


def test_empty_sets() -> None:
    nothing = np.zeros((1, 100), dtype=np.uint8)
    everything = np.full((1, 100), 255, dtype=np.uint8)
    points, _ = coded([ball(0.4)], 800)

    def iou(logit: float, labels: np.ndarray) -> float:
        return quality(FIELD, always(logit).unsqueeze(0), points, labels).iou.item()

    assert iou(-3, nothing) == 1
    assert iou(3, nothing) == 0
    assert iou(-3, everything) == 0
    assert iou(3, everything) == 1
