"""Control sets: samples in weight space whose worth is known, for seeing what the metrics say about them.

A metric that a control of copies passes, or that the PCA Gaussian passes, cannot show that a generator generates.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from hdray.metrics.novelty import weight_distances
from hdray.metrics.protocols import Protocol
from hdray.metrics.selection import Selection
from hdray.metrics.shape_sets import ShapeSet
from hdray.seeds import numpy_stream, torch_stream

NOISES = ("noise-0.02", "noise-0.04")
"""What copying looks like; the audit sets the first beside generated shapes (hdray.metrics.novelty)."""
KINDS = ("training", *NOISES, "average", "nearest", "pca-gaussian", "repeated")


def control_set(kind: str, theta: Tensor, ids: list[str], count: int, seed: int) -> tuple[list[str], Tensor]:
    """`count` samples of a kind (at most one per training vector): their ids, "<kind>/<training id>", and vectors (N, D).

    theta (T, D) are the training vectors named `ids`. Each sample starts from one of them and is seeded by (seed, its
    id), so neither their order nor the count changes a sample:

    - training: the vector itself. noise-0.02, noise-0.04: plus N(0, sigma^2) on every weight (arXiv 2506.07998).
    - average: of the vector and another training vector.
    - nearest: somewhere on the line to the nearest other training vector.
    - pca-gaussian: a draw from the Gaussian with the mean and covariance of all training vectors, which lies in the
      span of their principal components; the vector only names it.
    - repeated: one training vector for every sample, as if the generator had collapsed to it.

    Raises ValueError for another kind, ids that are not as many and different, and kinds that need two vectors of one.
    """
    if kind not in KINDS:
        raise ValueError(f"the control {kind!r} is not one of {', '.join(KINDS)}")
    if len(set(ids)) != len(theta):
        raise ValueError(f"{len(theta)} vectors need as many different ids, not {len(set(ids))}")
    if kind in ("average", "nearest", "pca-gaussian") and len(theta) < 2:
        raise ValueError(f"the control {kind} needs two training vectors or more")
    # In the order of the ids, whatever order they came in.
    order = sorted(range(len(ids)), key=ids.__getitem__)
    names, vectors = [ids[row] for row in order], theta[order].float()
    chosen = numpy_stream(seed, "controls", "choice").permutation(len(names))[:count].tolist()
    make = _maker(kind, names, vectors, seed)
    samples = [make(row, f"{kind}/{names[row]}") for row in chosen]
    return [f"{kind}/{names[row]}" for row in chosen], torch.stack(samples) if samples else vectors[:0]


def offered(selection: Selection, protocol: Protocol) -> int:
    """Shapes of a control to make, so that as many can be compared as generated ones are."""
    return math.floor(_compared(selection) * protocol.generated_factor + 1e-9)


def in_place_of_generated(shapes: ShapeSet, selection: Selection, protocol: Protocol) -> Selection:
    """A control where the generated shapes stood: no more than of these, those without a surface treated alike.

    They are misses; or left aside, where the protocol has more shapes made than compared and any of them can be used.
    """
    most = _compared(selection)
    rows = range(len(shapes))[:most]
    misses = 0 if protocol.generated_factor > 1 and rows else min(len(shapes.excluded), most - len(rows))
    unused = len(shapes) + len(shapes.excluded) - len(rows) - misses
    return Selection(shapes.take(rows), selection.reference, misses, {"generated": unused, "reference": 0})


def _compared(selection: Selection) -> int:
    return len(selection.generated) + selection.misses


def _maker(kind: str, names: list[str], vectors: Tensor, seed: int) -> Callable[[int, str], Tensor]:
    """From the row of a training vector and the sample's id to the sample (D,)."""
    if kind == "training":
        return lambda row, name: vectors[row]
    if kind == "repeated":
        only = int(numpy_stream(seed, "controls", "repeated").integers(len(names)))
        return lambda row, name: vectors[only]
    if kind == "average":

        def average(row: int, name: str) -> Tensor:
            step = int(numpy_stream(seed, name).integers(1, len(names)))  # never 0: another vector, not itself
            return (vectors[row] + vectors[(row + step) % len(names)]) / 2

        return average
    if kind == "nearest":

        def towards_nearest(row: int, name: str) -> Tensor:
            distances = weight_distances(vectors[row : row + 1], vectors)[0]
            distances[row] = torch.inf
            share = float(numpy_stream(seed, name).random())
            return torch.lerp(vectors[row], vectors[int(distances.argmin())], share)

        return towards_nearest
    if kind == "pca-gaussian":
        mean = vectors.mean(dim=0)
        # Coefficients N(0, 1) on the T centred vectors have the sample covariance: no decomposition is needed.
        centred = (vectors - mean) / (len(vectors) - 1) ** 0.5
        return lambda row, name: mean + torch.randn(len(vectors), generator=torch_stream(seed, name)) @ centred
    sigma = float(kind.removeprefix("noise-"))
    return lambda row, name: vectors[row] + sigma * torch.randn(vectors.shape[1], generator=torch_stream(seed, name))
