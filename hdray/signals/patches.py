"""Patches: faces joined by edges that exactly two faces share, turned to agree with their neighbours."""

import numpy as np

from hdray.signals.mesh import Mesh


def agreeing_patches(mesh: Mesh) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """`mesh` with the faces of each patch wound alike (as most of the patch's area was).

    Also the patch of each face (F,), and which faces were turned for it (F,).
    """
    import igl

    wound, patch = igl.bfs_orient(mesh.faces)
    patch = np.asarray(patch).reshape(-1)
    # A face was turned if its corners now run the other way around.
    position = (wound == mesh.faces[:, :1]).argmax(axis=1)
    turned = wound[np.arange(len(wound)), (position + 1) % 3] != mesh.faces[:, 1]
    areas = mesh.areas
    minority_kept = np.bincount(patch, weights=np.where(turned, -areas, areas)) < 0
    turned = turned != minority_kept[patch]
    return Mesh(mesh.vertices, np.where(turned[:, None], mesh.faces[:, ::-1], mesh.faces)), patch, turned


def unbalanced_edges(faces: np.ndarray) -> np.ndarray:
    """Directed edges (n, 2) that the faces run along once more than back; a closed surface has none.

    An edge that is run along k times more than back appears k times.
    """
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = directed[:, 0] < directed[:, 1]
    edges, which = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True)
    surplus = np.bincount(which.reshape(-1), weights=np.where(forward, 1, -1), minlength=len(edges)).astype(np.int64)
    repeated = np.repeat(np.arange(len(edges)), np.abs(surplus))
    return np.where((surplus > 0)[repeated][:, None], edges[repeated], edges[repeated][:, ::-1])


def connected(faces: np.ndarray, vertex_count: int) -> np.ndarray:
    """The connected part (sharing vertices) of each face, (F,)."""
    import scipy.sparse
    import scipy.sparse.csgraph

    start, end = faces[:, [0, 1]].T.reshape(-1), faces[:, [1, 2]].T.reshape(-1)
    graph = scipy.sparse.coo_matrix(
        (np.ones(len(start), dtype=np.int8), (start, end)), shape=(vertex_count, vertex_count)
    )
    _, part = scipy.sparse.csgraph.connected_components(graph, directed=False)
    _, part = np.unique(part[faces[:, 0]], return_inverse=True)
    return part.reshape(-1)
