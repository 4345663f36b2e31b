"""Orientation and closing of polygon soup, so that "inside" means inside.

Real files are inside out, mixed per component, open, and full of faces nobody can see. The method:

1. A closed, consistently wound file whose winding number is nowhere negative is believed as it is.
2. Faces that share an edge only with each other are wound alike (patches).
3. Rays tell which side of a patch sees the sky (Takayama et al. 2014); that side becomes the outside. A patch that no
   ray leaves is turned by what its rays see of the patches already turned; if they see nothing but insides it is
   buried: it does not bound the solid and is dropped.
4. A patch that sees the sky from both sides alike is a sheet and becomes a thin slab.
5. Holes in what remains are capped, unless the cap would be as large as the surface it closes.
6. Air that is sealed off inside by surfaces that were open is filled: the faces around it are dropped.
7. Parts that fold back on themselves without thickness (wings of two coincident sides) become thin slabs too.
"""

import numpy as np

from hdray.signals.cleaning import without_unused_vertices
from hdray.signals.holes import caps_of
from hdray.signals.mesh import Mesh, join
from hdray.signals.patches import agreeing_patches, connected, unbalanced_edges
from hdray.signals.rejection import Rejected
from hdray.signals.sheets import slabs, thicken
from hdray.signals.visibility import RayScene

SHEET_RATIO = 0.4
"""A patch is a sheet when its darker side sees at least this share of the sky that its brighter side sees."""
SHEET_THICKNESS = 0.005
"""Thickness given to sheets, in longest box edges."""
DARK = 0.02
"""A patch whose brighter side sees less of the sky than this is hidden: rays slip in through windows and cracks."""
SEALED = 0.04
"""The front of a face that gets less daylight than this borders on a pocket of sealed-off air, which is filled."""
THINNEST = 0.0015
"""A part of a repaired solid thinner than this (longest box edges) counts as a sheet."""
COINCIDENT = 1e-4
"""The same for a closed file that is believed: only two sides in one place are no solid."""
MOST_TURNS = 3
"""Rounds of closing holes and filling pockets."""
MOST_PROBED = 5_000
"""Faces on whose two sides the winding number of a closed file is looked at."""
LARGEST_CAP = 0.75
"""A hole is capped when the cap's area is at most this share of the area of the connected surface it closes."""


def repair_mesh(mesh: Mesh) -> tuple[Mesh, list[str]]:
    """The solid that a cleaned mesh shows to a person, and the names of the repairs applied. Raises Rejected."""
    repairs: list[str] = []
    if _is_believable(mesh):
        return _thickened(mesh, COINCIDENT, repairs), repairs
    agreeing, patch, turned = agreeing_patches(mesh)
    if turned.any():
        repairs.append("faces turned to agree with their neighbours")

    areas = agreeing.areas
    patch_area = np.bincount(patch, weights=areas)
    view = RayScene(agreeing).look_around()
    sky = _by_patch(view.escaped, areas, patch, patch_area)  # (patches, 2 sides)
    bright, dark = sky.max(axis=1), sky.min(axis=1)
    flip = sky[:, 1] > sky[:, 0]
    visible = bright > DARK
    sheet = visible & (dark > SHEET_RATIO * bright) & _is_open(agreeing.faces, patch)

    if (~visible).any() and visible.any():
        hidden_kept, hidden_flip = _turn_hidden(agreeing, patch, areas, patch_area, visible, flip)
        flip = np.where(visible, flip, hidden_flip)
        visible = visible | hidden_kept
    if not visible.any():
        raise Rejected("no part of its surface can be told inside from outside")
    if not visible.all():
        repairs.append("buried faces dropped")
    body_face = (visible & ~sheet)[patch]
    if flip[patch][body_face].any():
        repairs.append("inside-out parts turned")
    faces = np.where(flip[patch][:, None], agreeing.faces[:, ::-1], agreeing.faces)

    size = mesh.longest_edge
    parts: list[Mesh] = []
    if body_face.any():
        body = Mesh(agreeing.vertices, faces[body_face])
        in_open_part = _in_open_part(body)
        any_capped = any_sealed = False
        # A cap may seal off air, and a wall dropped may leave a hole: in turns, until nothing is sealed off.
        for _ in range(MOST_TURNS):
            body, capped = _close(body)
            sealed = _walls_of_pockets(body, in_open_part)
            any_capped, any_sealed = any_capped or capped, any_sealed or bool(sealed.any())
            if not sealed.any():
                break
            body = Mesh(body.vertices, body.faces[~sealed])
        repairs += ["holes closed"] * any_capped + ["sealed pockets filled"] * any_sealed
        # After the holes: the cap of a sheet that hangs on a solid lies on the sheet itself.
        parts.append(_thickened(without_unused_vertices(body), THINNEST, repairs))
    if sheet.any():
        repairs.append("sheets thickened")
        for name in np.flatnonzero(sheet):
            surface = without_unused_vertices(Mesh(agreeing.vertices, faces[patch == name]))
            parts.append(thicken(surface, SHEET_THICKNESS * size))
    return join(parts), repairs


def _thickened(body: Mesh, thinnest: float, repairs: list[str]) -> Mesh:
    """`body` with a slab around each of its faces behind which the solid is thinner than `thinnest`; adds to `repairs`."""
    import igl

    size = body.longest_edge
    scene = RayScene(body)
    depths = scene.depths()
    thin = np.flatnonzero(depths < thinnest * size)
    if len(thin) == 0:
        return body
    # Two solids that touch look the same where they do, but the places on either side are inside.
    centres, normals = body.corners[thin].mean(axis=1), scene.normals[thin]
    margin = 0.5 * SHEET_THICKNESS * size
    sides = np.concatenate([centres + margin * normals, centres - (margin + depths[thin, None]) * normals])
    inside = np.asarray(igl.fast_winding_number(body.vertices, body.faces, sides)) >= 0.5
    thin = thin[~inside.reshape(2, -1).any(axis=0)]
    if len(thin) == 0:
        return body
    repairs.append("parts without thickness thickened")
    return join([body, slabs(Mesh(body.vertices, body.faces[thin]), SHEET_THICKNESS * size)])


def _in_open_part(body: Mesh) -> np.ndarray:
    """Which vertices (V,) belong to a connected part whose surface ends somewhere."""
    part = connected(body.faces, len(body.vertices))
    part_of_vertex = np.zeros(len(body.vertices), dtype=np.int64)
    part_of_vertex[body.faces] = part[:, None]
    open_parts = np.zeros(part.max() + 1, dtype=bool)
    open_parts[part_of_vertex[unbalanced_edges(body.faces)]] = True
    is_open = np.zeros(len(body.vertices), dtype=bool)
    is_open[body.faces] = open_parts[part][:, None]
    return is_open


def _walls_of_pockets(body: Mesh, in_open_part: np.ndarray) -> np.ndarray:
    """Which faces (F,) bound air that is sealed off inside the solid: cabins, the inner skin of a double one.

    Only faces with a vertex of `in_open_part` (one for each vertex the file has; caps added others): a part that is closed
    in the file means the space it leaves.
    """
    import igl

    scene = RayScene(body)
    dim = np.flatnonzero(scene.daylight() < SEALED)
    if len(dim) == 0 or len(dim) == len(body.faces):
        return np.zeros(len(body.faces), dtype=bool)
    before = body.corners[dim].mean(axis=1) + 1e-4 * body.longest_edge * scene.normals[dim]
    winding = np.asarray(igl.fast_winding_number(body.vertices, body.faces, before))
    walls = np.zeros(len(body.faces), dtype=bool)
    walls[dim[winding < 0.5]] = True
    added = np.ones(len(body.vertices) - len(in_open_part), dtype=bool)
    return walls & np.concatenate([in_open_part, added])[body.faces].any(axis=1)


def _is_believable(mesh: Mesh) -> bool:
    """Whether the file is closed, consistently wound and right side out: its winding numbers are 0, 1, 2, ... everywhere."""
    import igl

    if len(unbalanced_edges(mesh.faces)):
        return False
    corners = mesh.corners
    if np.einsum("fd,fd->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) <= 0:
        return False
    chosen = np.unique(np.linspace(0, len(corners) - 1, MOST_PROBED).astype(np.int64))
    crosses = mesh.cross_products[chosen]
    normals = crosses / np.linalg.norm(crosses, axis=1, keepdims=True)
    step = 1e-4 * mesh.longest_edge * normals
    centres = corners[chosen].mean(axis=1)
    winding = np.asarray(
        igl.fast_winding_number(mesh.vertices, mesh.faces, np.concatenate([centres + step, centres - step]))
    )
    return bool(np.quantile(winding, 0.001) > -0.5)


def _by_patch(values: np.ndarray, areas: np.ndarray, patch: np.ndarray, patch_area: np.ndarray) -> np.ndarray:
    """Area-weighted means of values (F, 2) over patches, (patches, 2)."""
    sums = [np.bincount(patch, weights=areas * values[:, side], minlength=len(patch_area)) for side in range(2)]
    return np.stack(sums, axis=1) / patch_area[:, None]


def _is_open(faces: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Which patches (patches,) end somewhere."""
    own = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([np.sort(own, axis=1), np.tile(patch, 3)[:, None]], axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    is_open = np.zeros(patch.max() + 1, dtype=bool)
    is_open[unique[counts == 1, 2]] = True
    return is_open


def _turn_hidden(
    mesh: Mesh, patch: np.ndarray, areas: np.ndarray, patch_area: np.ndarray, visible: np.ndarray, flip: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of the patches that no ray leaves: which to keep, and which to turn, by what they see of the visible ones."""
    seen = visible[patch]
    faces = np.where(flip[patch][:, None], mesh.faces[:, ::-1], mesh.faces)
    view = RayScene(Mesh(mesh.vertices, faces)).look_around(np.flatnonzero(~seen), counted=seen)
    # (patches, 2 sides): positive where a side sees more fronts than backs, so lies outside
    outside = _by_patch(view.saw_front - view.saw_back, areas[~seen], patch[~seen], patch_area)
    keep = ~visible & (outside.max(axis=1) > 0) & (outside.min(axis=1) < 0)
    return keep, outside[:, 1] > outside[:, 0]


def _close(body: Mesh) -> tuple[Mesh, bool]:
    """`body` with its holes capped, and whether there were any."""
    part = connected(body.faces, len(body.vertices))
    part_area = np.bincount(part, weights=body.areas)
    part_of_vertex = np.zeros(len(body.vertices), dtype=np.int64)
    part_of_vertex[body.faces] = part[:, None]
    vertices, faces = [body.vertices], [body.faces]
    count = len(body.vertices)
    for loop, triangles, new in caps_of(body.vertices, body.faces):
        corners = np.concatenate([body.vertices, new])[triangles]
        area = (
            0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
        )
        if area > LARGEST_CAP * part_area[part_of_vertex[loop[0]]]:
            continue
        faces.append(np.where(triangles == len(body.vertices), count, triangles))
        vertices.append(new)
        count += len(new)
    return Mesh(np.concatenate(vertices), np.concatenate(faces)), len(faces) > 1
