"""What two sets of features say about the shapes they come from, never without what it takes to read it.

A Frechet distance is biased by the number of samples, and means nothing where the network does not know the shapes (an
airplane turned by ninety degrees is a plant to it). So no result here holds one without, beside it:

- where there are fewer samples than ten times the dimension, the distance of real from real shapes measured alike;
- where the class of the references is known, the share of them that the network gets right.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hdray.metrics.frechet import frechet
from hdray.metrics.kernel import kid, mmd_g, mmd_p, scaled_by_reference
from hdray.metrics.manifold import density_coverage
from hdray.seeds import numpy_stream

ENOUGH = 10
"""Samples per dimension above which a Frechet distance may stand alone."""


@dataclass(frozen=True)
class Frechet:
    """A Frechet distance with its context; cannot be made without the context that it needs."""

    value: float
    samples: int
    """Of the smaller set."""
    dimension: int
    real_against_real: float | None
    real_sets: str
    """Which real shapes that is between, with their numbers."""
    labels_known: bool
    accuracy: float | None
    """Share of the references that the feature network classifies rightly."""

    def __post_init__(self) -> None:
        if self.samples < ENOUGH * self.dimension and self.real_against_real is None:
            raise ValueError(
                f"a Frechet distance of {self.samples} samples in {self.dimension} dimensions must not be given without "
                "that of real shapes from real shapes"
            )
        if self.labels_known and self.accuracy is None:
            raise ValueError("a Frechet distance of labelled shapes must not be given without the network's accuracy")


def frechet_in_context(
    generated: Tensor, reference: Tensor, training: Tensor | None, accuracy: float | None, labels_known: bool, seed: int
) -> Frechet:
    """The distance of features (G, D) from (R, D), and real from real: reference from training, or between its halves.

    The halves are drawn by the seed. Raises ValueError where a set has fewer than two samples, the reference four.
    """
    if training is not None and len(training) > 1:
        real = frechet(training, reference)
        sets = f"{len(training)} training and {len(reference)} reference shapes"
    else:
        order = torch.from_numpy(numpy_stream(seed, "halves of the reference").permutation(len(reference)))
        one, other = reference[order[: len(order) // 2]], reference[order[len(order) // 2 :]]
        real = frechet(one, other)
        sets = f"two halves of the reference, {len(one)} and {len(other)} shapes: their bias is that of fewer samples"
    return Frechet(
        value=frechet(generated, reference),
        samples=min(len(generated), len(reference)),
        dimension=reference.shape[1],
        real_against_real=real,
        real_sets=sets,
        labels_known=labels_known,
        accuracy=accuracy,
    )


def feature_metrics(
    generated: Tensor,
    reference: Tensor,
    *,
    training: Tensor | None = None,
    accuracy: float | None = None,
    labels_known: bool = False,
    scaled: bool = False,
    k: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Every measure of features (G, D) against (R, D) as plain numbers.

    scaled: both sets by the reference's scalar mean and deviation and the Frechet distance over D (mLoRA, section 9.1),
    otherwise features as they are (FPD). MMD-G and MMD-P always scale, KID never does. `k` is of density and coverage.
    """
    left, right, more, divisor = generated.double(), reference.double(), training, 1
    if scaled:
        divisor = reference.shape[1]
        if training is not None:
            more = scaled_by_reference(training, reference)[0]
        left, right = scaled_by_reference(generated, reference)
    context = frechet_in_context(left, right, more, accuracy, labels_known, seed)
    assert context.real_against_real is not None
    balls = density_coverage(torch.cdist(right, left), torch.cdist(right, right), min(k, len(right) - 1))
    return {
        "frechet": context.value / divisor,
        "frechet_real_against_real": context.real_against_real / divisor,
        "frechet_real_sets": context.real_sets,
        "network_accuracy_on_reference": accuracy,
        "dimension": context.dimension,
        "samples": context.samples,
        "kid": kid(generated, reference),
        "mmd_p": mmd_p(generated, reference),
        "mmd_g_mlora": mmd_g(generated, reference, "mlora"),
        "mmd_g_mlora-literal": mmd_g(generated, reference, "mlora-literal"),
        "mmd_estimator": "unbiased",
        **balls,
        "k": min(k, len(right) - 1),
    }


def accuracy_of(logits: Tensor, labels: Tensor) -> float:
    """The share of logits (N, C) whose largest is that of the class, labels (N,) int64."""
    return float((logits.argmax(dim=1) == labels).double().mean())
