"""How much of a mesh cuts through itself, as it comes from a file: a filter of training shapes that can be repeated.

HyperDiffusion leaves 15 to 51 % of its categories out of training "for self-intersections" (section 6.1) by lists whose
making is not published. This is a rule of our own, not theirs.
"""

import numpy as np

from hdray.signals.mesh import Mesh

MOST_PAIRS = 2_000_000
"""Expected pairs of faces to look at (seconds of work) beyond which a mesh is not measured."""
SAMPLED = 256
"""Faces whose neighbourhood tells how many pairs to expect."""
BLOCK = 16
"""Of these, looked at together."""


def self_intersection(mesh: Mesh) -> float:
    """Share of the area of `mesh`, cleaned, in faces that cross, touch or lie upon a face they are not joined to.

    Faces that share a vertex or an edge count where they meet elsewhere too. Exact predicates decide (libigl). NaN where
    there are too many pairs to look at: soups of tens of thousands of faces, each through most others.
    """
    import igl.predicates

    if expected_pairs(mesh) > MOST_PAIRS:
        return float("nan")
    vertices, faces = np.ascontiguousarray(mesh.vertices), np.ascontiguousarray(mesh.faces)
    _, pairs, _ = igl.predicates.find_self_intersections(vertices, faces)
    areas = mesh.areas
    return float(areas[np.unique(pairs)].sum() / areas.sum())


def expected_pairs(mesh: Mesh) -> float:
    """About how many pairs of faces that share no vertex have overlapping boxes; for small meshes all pairs there are."""
    count = len(mesh.faces)
    every = count * (count - 1) / 2
    if every <= MOST_PAIRS:
        return every
    low, high = mesh.corners.min(axis=1), mesh.corners.max(axis=1)  # (F, 3)
    sampled = np.linspace(0, count, SAMPLED, endpoint=False).astype(np.int64)
    found = 0
    for start in range(0, SAMPLED, BLOCK):
        chosen = sampled[start : start + BLOCK]
        overlap = np.ones((len(chosen), count), dtype=bool)
        for axis in range(3):
            overlap &= low[chosen, None, axis] <= high[None, :, axis]
            overlap &= low[None, :, axis] <= high[chosen, None, axis]
        one, other = np.nonzero(overlap)
        shared = (mesh.faces[chosen[one], :, None] == mesh.faces[other, None, :]).any(axis=(1, 2))  # itself too
        found += int((~shared).sum())
    return found / SAMPLED * count / 2
