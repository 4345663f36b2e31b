"""Of how many bodies a mesh consists: specks and shreds beside the shape are what generated weights often add."""

import numpy as np

from hdray.signals.mesh import Mesh

LEAST_SHARE = 0.01
"""Share of the mesh's volume from which on a connected piece is a body of its own."""


def bodies(mesh: Mesh, least_share: float = LEAST_SHARE) -> int:
    """Connected pieces of a closed mesh that hold at least this share of its volume.

    A cavity is a piece of negative volume, and no body.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(mesh.faces):
        return 0
    first, second = mesh.faces[:, [0, 1]].T.reshape(2, -1)
    third = mesh.faces[:, 2]
    rows, columns = np.concatenate([first, second]), np.concatenate([second, third])
    size = len(mesh.vertices)
    edges = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
    count, piece = connected_components(edges, directed=False)
    corners = mesh.corners  # (F, 3, 3)
    # Signed volumes of the tetrahedra between the origin and each face add up to that of what the faces enclose.
    volumes = np.einsum("fk,fk->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    of_piece = np.bincount(piece[mesh.faces[:, 0]], weights=volumes, minlength=count)
    return int((of_piece >= least_share * max(of_piece.sum(), np.finfo(float).tiny)).sum())
