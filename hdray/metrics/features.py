"""What two sets of features say about the shapes they come from, never without what it takes to read it.

A Frechet distance is biased by the number of samples, and means nothing where the network does not know the shapes (an
airplane turned by ninety degrees is a plant to it). So a result here always holds, beside the measures,

- the same measures of real against real shapes, in sets of the sizes that are compared, or as near to them as there are
  shapes for;
- the share of the references that the network classifies rightly.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hdray.metrics.frechet import frechet
from hdray.metrics.kernel import kid, mmd_g, mmd_p, scaled_by_reference
from hdray.metrics.manifold import density_coverage
from hdray.seeds import numpy_stream

REAL_DRAWS = 5
"""Pairs of real sets that real against real is the mean over."""

Pairs = list[tuple[Tensor, Tensor]]
"""Features (G, D) and what they are measured against, (R, D)."""


def feature_metrics(
    generated: Tensor,
    reference: Tensor,
    *,
    accuracy: float,
    training: Tensor | None = None,
    scaled: bool = False,
    k: int = 5,
    seed: int = 0,
    subsets: Callable[[Tensor, Tensor], Pairs] = lambda one, other: [(one, other)],
) -> dict[str, Any]:
    """Every measure of features (G, D) against (R, D) as plain numbers, and under `real_against_real` those of real ones.

    accuracy: share of the references that the network classifies rightly. scaled, k: see `measures`; k is at most what
    the smallest set of references allows. subsets: what of two sets is compared, measures being means over its pairs.

    Raises ValueError where a set has fewer than two samples, or the reference, without training shapes, fewer than four.
    """
    pairs = subsets(generated, reference)
    real, sets = real_pairs(len(generated), reference, training, seed)
    real_subsets = [pair for one, other in real for pair in subsets(one, other)]
    k = min(k, *(len(against) - 1 for _, against in (*pairs, *real_subsets)))
    return {
        **_means(pairs, scaled, k),
        "real_against_real": {**_means(real_subsets, scaled, k), "sets": sets, "draws": len(real)},
        "network_accuracy_on_reference": accuracy,
        "dimension": reference.shape[1],
        "samples": min(len(part) for part in pairs[0]),
        "mmd_estimator": "unbiased",
        "k": k,
    }


def measures(generated: Tensor, reference: Tensor, *, k: int, scaled: bool = False) -> dict[str, float]:
    """Every measure of features (G, D) against (R, D).

    scaled: both sets by the reference's scalar mean and deviation and the Frechet distance over D (mLoRA, section 9.1),
    otherwise features as they are (FPD). MMD-G and MMD-P always scale, KID never does. `k` is of density and coverage.
    """
    left, right, divisor = generated.double(), reference.double(), 1
    if scaled:
        left, right = scaled_by_reference(generated, reference)
        divisor = reference.shape[1]
    return {
        "frechet": frechet(left, right) / divisor,
        "kid": kid(generated, reference),
        "mmd_p": mmd_p(generated, reference),
        "mmd_g_mlora": mmd_g(generated, reference, "mlora"),
        "mmd_g_mlora-literal": mmd_g(generated, reference, "mlora-literal"),
        **density_coverage(_distances(right, left), _distances(right, right), k),
    }


def real_pairs(count: int, reference: Tensor, training: Tensor | None, seed: int) -> tuple[Pairs, str]:
    """Real sets to measure like `count` generated samples against the reference (R, D), and what they are in words.

    As many training samples, drawn without replacement, against the reference; without training samples two parts of
    the reference, the first of as many as are generated, at most half. Where the sets are smaller than those compared the
    words say so: a Frechet distance of fewer samples errs upwards.
    """
    streams = [numpy_stream(seed, "real against real", draw) for draw in range(REAL_DRAWS)]
    if training is not None:
        taken = min(count, len(training))
        if taken == len(training):
            streams = streams[:1]  # all of them, in whatever order
        pairs = [
            (training[torch.from_numpy(stream.permutation(len(training))[:taken])], reference) for stream in streams
        ]
        said = f"{taken} of {len(training)} training shapes and the {len(reference)} references"
        smaller = f"fewer than the {count} compared" if taken < count else ""
    else:
        taken = min(count, len(reference) // 2)
        orders = [torch.from_numpy(stream.permutation(len(reference))) for stream in streams]
        pairs = [(reference[order[:taken]], reference[order[taken:]]) for order in orders]
        said = f"{taken} and the other {len(reference) - taken} of the references, no training shapes being given"
        smaller = f"fewer than the {count} and {len(reference)} compared"
    return pairs, f"{said}: {smaller}, so that the Frechet distance errs upwards" if smaller else said


def accuracy_of(logits: Tensor, labels: Tensor) -> float:
    """The share of logits (N, C) whose largest is that of the class, labels (N,) int64."""
    return float((logits.argmax(dim=1) == labels).double().mean())


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (N, M) of (N, D) and (M, D)."""
    # Differences, not a matrix product: whether a sample lies on the border of a ball or in it is the last digit.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _means(pairs: Pairs, scaled: bool, k: int) -> dict[str, float]:
    found = [measures(one, other, scaled=scaled, k=k) for one, other in pairs]
    return {name: sum(values[name] for values in found) / len(found) for name in found[0]}
