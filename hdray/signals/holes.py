"""Closing holes: the loops along which a surface ends, each capped by the triangles of least area."""

import numpy as np

from hdray.signals.patches import unbalanced_edges

LONGEST_EXACT_LOOP = 48
"""Loops of up to this many edges are capped by the triangulation of least area; longer ones by a fan to their centre."""


def loops_of(edges: np.ndarray) -> list[np.ndarray]:
    """Directed edges (n, 2) taken apart into simple loops of vertices (each visited once); edges of open chains are left out."""
    following: dict[int, list[int]] = {}
    for start, end in edges.tolist():
        following.setdefault(start, []).append(end)
    loops: list[np.ndarray] = []
    for first in sorted(following):
        while following[first]:
            path, position = [first], {first: 0}
            while True:
                choices = following.get(path[-1])
                if not choices:
                    break  # a chain that ends
                vertex = choices.pop()
                if vertex in position:  # the path came back: cut the loop off it
                    start = position[vertex]
                    loops.append(np.array(path[start:]))
                    for left in path[start + 1 :]:
                        del position[left]
                    del path[start + 1 :]
                    if len(path) == 1:
                        break
                else:
                    position[vertex] = len(path)
                    path.append(vertex)
    return loops


def cap(vertices: np.ndarray, loop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (n, 3) that close a hole, and new vertices (0 or 1, 3) they use, numbered from len(vertices).

    `loop` (L,) runs along the surface's edge, so the cap runs against it.
    """
    reverse = loop[::-1]
    if len(loop) <= LONGEST_EXACT_LOOP:
        return reverse[_least_area(vertices[reverse])], np.empty((0, 3))
    following = np.roll(reverse, -1)
    lengths = np.linalg.norm(vertices[following] - vertices[reverse], axis=1)
    middle = (0.5 * lengths[:, None] * (vertices[following] + vertices[reverse])).sum(axis=0) / lengths.sum()
    centre = np.full(len(reverse), len(vertices))
    return np.stack([reverse, following, centre], axis=1), middle[None]


def _least_area(points: np.ndarray) -> np.ndarray:
    """The triangulation (L-2, 3) of a closed polygon (L, 3) in space that has the least area (Barequet and Sharir 1995)."""
    count = len(points)
    if count == 3:
        return np.array([[0, 1, 2]])
    best = np.zeros((count, count))
    choice = np.zeros((count, count), dtype=np.int64)
    for span in range(2, count):
        start = np.arange(count - span)
        middle = start[:, None] + np.arange(1, span)  # (starts, choices)
        end = start + span
        one, other = points[middle] - points[start][:, None], points[end][:, None] - points[start][:, None]
        cross = np.cross(one, np.broadcast_to(other, one.shape))
        area = 0.5 * np.sqrt(np.einsum("scd,scd->sc", cross, cross))
        total = area + best[start[:, None], middle] + best[middle, end[:, None]]
        chosen = total.argmin(axis=1)
        best[start, end] = total[start, chosen]
        choice[start, end] = middle[start, chosen]
    triangles, open_spans = [], [(0, count - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        middle_one = int(choice[first, last])
        triangles.append((first, middle_one, last))
        open_spans += [(first, middle_one), (middle_one, last)]
    return np.array(triangles)


def caps_of(vertices: np.ndarray, faces: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For every hole in the surface: its loop (L,), the cap's triangles (n, 3) and the new vertices (0 or 1, 3).

    Every cap's new vertex is numbered len(vertices); who adds several caps renumbers it.
    """
    return [(loop, *cap(vertices, loop)) for loop in loops_of(unbalanced_edges(faces)) if len(loop) >= 3]
