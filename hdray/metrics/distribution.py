"""How close generated shapes are to reference shapes, as sets: MMD, COV and 1-NNA (HyperDiffusion, section 6.3).

All three are computed from matrices of distances, whatever the distance is. An empty generated shape takes part in all
of them as a miss, as if it lay infinitely far from every shape, other empty ones included:

- MMD: it is never the nearest shape to a reference. With no other generated shape at all, MMD is infinite.
- COV: it is matched to no reference.
- 1-NNA: it counts as correctly told apart from the references (it is), and is nobody's nearest neighbour.

Empty shapes are rows and columns of infinite distances; `with_empties` appends them to matrices of the others.
"""

import math

import torch
from torch import Tensor


def with_empties(generated_reference: Tensor, generated_generated: Tensor, empties: int) -> tuple[Tensor, Tensor]:
    """Matrices (G, R) and (G, G) of non-empty shapes -> (G + E, R) and (G + E, G + E), the empty infinitely far."""
    count, references = generated_reference.shape
    across = generated_reference.new_full((count + empties, references), math.inf)
    across[:count] = generated_reference
    within = generated_generated.new_full((count + empties, count + empties), math.inf)
    within[:count, :count] = generated_generated
    return across, within


def matching_distances(generated_reference: Tensor) -> Tensor:
    """Of (G, R) distances, per reference the distance to the nearest generated shape, (R,)."""
    check_matrix(generated_reference)
    return generated_reference.double().amin(dim=0)


def covered(generated_reference: Tensor) -> Tensor:
    """Of (G, R) distances, per reference whether it is the nearest one to some generated shape, (R,) bool.

    Among references at equal distance the first counts. Rows of infinite distances (empty shapes) match nothing.
    """
    check_matrix(generated_reference)
    solid = generated_reference.isfinite().any(dim=1)
    found = solid.new_zeros(generated_reference.shape[1])
    found[generated_reference[solid].argmin(dim=1)] = True
    return found


def told_apart(generated_reference: Tensor, generated_generated: Tensor, reference_reference: Tensor) -> Tensor:
    """Of (G, R), (G, G) and (R, R) distances, per shape whether its nearest other shape is of its kind, (G + R,) bool.

    A shape is never its own neighbour. Where a generated and a reference shape are equally near, the call is wrong: a
    copy of a reference is not told apart.
    """
    check_matrix(generated_reference)
    own_generated = nearest_other(generated_generated)  # (G,)
    own_reference = nearest_other(reference_reference)  # (R,)
    empty = ~generated_reference.isfinite().any(dim=1)
    generated_right = (own_generated < generated_reference.amin(dim=1)) | empty
    reference_right = own_reference < generated_reference.amin(dim=0)
    # With one reference and nothing but empty shapes, its nearest neighbour does not exist; it is told apart.
    reference_right |= generated_reference.amin(dim=0).isinf()
    return torch.cat([generated_right, reference_right])


def remark(metric: str, value: float) -> str:
    """What belongs beside the number of a metric (nna, or nna_cd and the like); nothing for the others."""
    if metric.partition("_")[0] != "nna":
        return ""
    lean = "below it, which points at copies" if value < 0.5 else "below it would point at copies"
    return f"; {abs(value - 0.5):.3g} from 0.5, which is best: {lean}"


def nearest_other(distances: Tensor) -> Tensor:
    """Per row of (N, N) distances the smallest off the diagonal, (N,); infinite where there is no other."""
    others = distances.clone()
    others.fill_diagonal_(math.inf)
    return others.amin(dim=1)


def per_shape(
    generated_reference: Tensor, generated_generated: Tensor, reference_reference: Tensor, scale: float = 1.0
) -> dict[str, Tensor]:
    """What each metric is the mean of, float64, of (G, R), (G, G) and (R, R) distances: mmd and cov (R,), nna (G + R,).

    Means over references of the distance to the nearest generated shape, times `scale`; the share of references that are
    the nearest one to some generated shape; the share of shapes called rightly what their nearest other shape is.
    """
    return {
        "mmd": matching_distances(generated_reference) * scale,
        "cov": covered(generated_reference).double(),
        "nna": told_apart(generated_reference, generated_generated, reference_reference).double(),
    }


def check_matrix(generated_reference: Tensor) -> None:
    """Raise ValueError without generated (empty ones count) or reference shapes, or with NaN among the distances."""
    if 0 in generated_reference.shape:
        generated, references = generated_reference.shape
        raise ValueError(f"metrics need shapes on both sides, not {generated} generated and {references} references")
    if generated_reference.isnan().any():
        raise ValueError("metrics cannot be computed from distances that are not numbers (NaN)")
