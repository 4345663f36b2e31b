"""Generated shapes as the page shows them: pictures for every card, and packed meshes for the panel that turns them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hdray.report.data import DenoisingStep, GeneratedShape, Neighbour, ReportData, TrainingShape
from hdray.report.payload import pack
from hdray.report.render import GENERATED, TRAINING, Picture, View, render
from hdray.report.sheet import empty_tile, webp
from hdray.signals.mesh import Mesh

MOST_SHOWN = 64  # generated shapes with pictures on the page
NEIGHBOURS_SHOWN = 3
FILM_FRAMES = 8  # pictures of an animation on the contact sheet
PICTURE = 256  # pixels, generated shapes
SMALL_PICTURE = 128  # pixels, training shapes

# Faces on the whole page: about 6 bytes each, so 6.6 MB beside 5 MB of Plotly and about 1 MB of pictures.
_FACE_BUDGET = 1_100_000
_MOST_FACES = 6_000  # of one mesh
_FEWEST_FACES = 1_500
UNIT_BOX = ((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class NeighbourCard:
    """A training shape under a generated one; `brief` is its distances without ranks."""

    name: str
    distances: str
    brief: str
    picture: str


@dataclass(frozen=True)
class Card:
    """A generated shape in the gallery; `number` counts from 1 and is the page's #sample-number."""

    number: int
    empty: bool
    picture: str
    neighbours: tuple[NeighbourCard, ...]


@dataclass(frozen=True)
class Step:
    """A picture of the denoising strip."""

    label: str
    empty: bool
    picture: str


@dataclass(frozen=True)
class Gallery:
    """Cards for the page, labelled pictures (h, w, 4) for the contact sheet, and what the script needs."""

    cards: tuple[Card, ...]
    pictures: tuple[Picture, ...]
    labels: tuple[str, ...]
    samples: list[dict[str, Any]]
    meshes: dict[str, dict[str, Any]]


def gallery(data: ReportData) -> Gallery:
    """Render and pack the first `MOST_SHOWN` generated shapes and the training shapes nearest to them."""
    shown = data.generated[:MOST_SHOWN]
    used = {n.id: data.training_shapes[n.id] for shape in shown for n in _neighbours(shape)}
    view = View(up=data.up)
    small = {id: data_url(portrait(shape.mesh, SMALL_PICTURE, TRAINING, view)) for id, shape in used.items()}
    pictures = tuple(portrait(shape.mesh, PICTURE, GENERATED, view) for shape in shown)
    cards = tuple(
        Card(number, shape.mesh is None, data_url(picture), _neighbour_cards(shape, used, small))
        for number, (shape, picture) in enumerate(zip(shown, pictures, strict=True), start=1)
    )
    keys = {id: f"t{number}" for number, id in enumerate(used)}
    samples = [_sample(number, shape, used, keys) for number, shape in enumerate(shown, start=1)]
    meshes: dict[str, Mesh | None] = {}
    for key, shape in [(f"g{number}", shape) for number, shape in enumerate(shown, start=1)] + [
        (keys[id], shape) for id, shape in used.items()
    ]:
        meshes |= dict(zip(_frame_keys(key, shape), shape.frames, strict=True)) if shape.frames else {key: shape.mesh}
    labels = tuple(str(number) for number in range(1, len(shown) + 1))
    if any(shape.frames for shape in shown):
        pictures, labels = _film(shown, view)
    return Gallery(cards, pictures, labels, samples, _packed(meshes))


def picture_address(shape: GeneratedShape, up: str) -> str:
    """A generated shape's picture as the address of an image."""
    return data_url(portrait(shape.mesh, PICTURE, GENERATED, View(up=up)))


def _film(shown: Sequence[GeneratedShape], view: View) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """A row of frames of each animation, at one scale, and what each shows."""
    pictures, labels = [], []
    for number, shape in enumerate(shown, start=1):
        count = len(shape.frames)
        for place in range(FILM_FRAMES):
            index = place * count // FILM_FRAMES
            mesh = shape.frames[index] if count else None
            pictures.append(portrait(mesh, PICTURE, GENERATED, view, bounds=UNIT_BOX))
            labels.append(f"{number}, frame {index + 1}" if count else str(number))
    return tuple(pictures), tuple(labels)


def _frame_keys(key: str, shape: GeneratedShape | TrainingShape) -> list[str]:
    """The script's names for the meshes of an animation's frames."""
    return [f"{key}.{frame}" for frame in range(len(shape.frames))]


def strip(steps: Sequence[DenoisingStep], up: str) -> list[Step]:
    """The denoising steps as pictures at one scale, so that early blobs are seen to be blobs."""
    view = View(up=up, margin=0)
    return [
        Step(s.label, s.mesh is None, data_url(portrait(s.mesh, 192, GENERATED, view, bounds=UNIT_BOX))) for s in steps
    ]


def distances(neighbour: Neighbour, ranks: bool = True) -> str:
    """Both distances and ranks in words, e.g. 'Chamfer 0.00123 (nearest), weights 3.21 (4th nearest)'."""
    said = []
    for name, value, rank in (
        ("Chamfer", neighbour.chamfer, neighbour.chamfer_rank),
        ("weights", neighbour.weights, neighbour.weights_rank),
    ):
        if value is not None:
            said.append(f"{name} {value:.3g}" + (f" ({_ordinal(rank)})" if ranks and rank is not None else ""))
    return ", ".join(said)


def _ordinal(rank: int) -> str:
    if rank == 1:
        return "nearest"
    suffix = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{suffix} nearest"


def _neighbours(shape: GeneratedShape) -> tuple[Neighbour, ...]:
    """The first ones given; the nearest in weights takes the last place if it would not be seen otherwise."""
    shown = shape.neighbours[:NEIGHBOURS_SHOWN]
    unseen = [n for n in shape.neighbours[NEIGHBOURS_SHOWN:] if n.weights_rank == 1]
    return (*shown[:-1], unseen[0]) if unseen else shown


def _neighbour_cards(
    shape: GeneratedShape, used: Mapping[str, TrainingShape], small: Mapping[str, str]
) -> tuple[NeighbourCard, ...]:
    return tuple(
        NeighbourCard(used[n.id].name, distances(n), distances(n, ranks=False), small[n.id]) for n in _neighbours(shape)
    )


def _sample(
    number: int, shape: GeneratedShape, used: Mapping[str, TrainingShape], keys: Mapping[str, str]
) -> dict[str, Any]:
    """What the script shows in the panel for one generated shape."""
    note = "This field is empty: it has no surface." if shape.mesh is None else shape.id
    shapes = [{"own": True, "name": f"Generated {number}", "caption": note, **_meshes_of(f"g{number}", shape)}]
    for n in _neighbours(shape):
        near = {"own": False, "name": f"Training: {used[n.id].name}", "caption": distances(n)}
        shapes.append({**near, **_meshes_of(keys[n.id], used[n.id])})
    return {"title": f"Sample {number}", "shapes": shapes}


def _meshes_of(key: str, shape: GeneratedShape | TrainingShape) -> dict[str, Any]:
    """The mesh that the script draws, None for an empty field, and the frames that it plays."""
    if not shape.frames:
        return {"mesh": None if shape.mesh is None else key, "frames": []}
    frames = _frame_keys(key, shape)
    return {"mesh": frames[0], "frames": frames}


def _packed(meshes: Mapping[str, Mesh | None]) -> dict[str, dict[str, Any]]:
    present = {key: mesh for key, mesh in meshes.items() if mesh is not None}
    faces = min(_MOST_FACES, max(_FEWEST_FACES, _FACE_BUDGET // max(len(present), 1)))
    return {key: asdict(pack(mesh, faces)) for key, mesh in present.items()}


def portrait(
    mesh: Mesh | None,
    size: int,
    color: tuple[int, int, int],
    view: View,
    bounds: tuple[tuple[float, ...], ...] | None = None,
) -> Picture:
    """`render`, or a tile that says so where the field is empty."""
    return empty_tile(size) if mesh is None else render(mesh, size, color=color, view=view, bounds=bounds)


def data_url(picture: Picture) -> str:
    """The picture as the address of an image that is part of the page."""
    return "data:image/webp;base64," + base64.b64encode(webp(picture)).decode("ascii")
