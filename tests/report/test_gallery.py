"""What is shown beside a generated shape."""

import numpy as np

from hdray.report.data import GeneratedShape, Neighbour, ReportData, TrainingShape
from hdray.report.gallery import FILM_FRAMES, distances, gallery
from tests.signals.solids import box


def shown(*neighbours: Neighbour) -> list[str]:
    data = ReportData(
        run="r",
        preset="demo",
        date="today",
        generated=[GeneratedShape(id="s", mesh=None, neighbours=neighbours)],
        training_shapes={n.id: TrainingShape(name=n.id, mesh=None) for n in neighbours},
    )
    return [neighbour.name for neighbour in gallery(data).cards[0].neighbours]


def near(name: str, chamfer_rank: int, weights_rank: int) -> Neighbour:
    return Neighbour(id=name, weights=1.0, chamfer=1.0, weights_rank=weights_rank, chamfer_rank=chamfer_rank)


def test_the_nearest_in_weights_is_never_left_out() -> None:
    by_chamfer = [near("a", 1, 5), near("b", 2, 6), near("c", 3, 7)]
    assert shown(*by_chamfer, near("e", 9, 2), near("d", 8, 1)) == ["a", "b", "d"]
    assert shown(*by_chamfer, near("e", 9, 2)) == ["a", "b", "c"]
    assert shown(near("a", 1, 1), *by_chamfer[1:], near("e", 4, 2)) == ["a", "b", "c"]


def test_distances_in_words() -> None:
    said = [distances(Neighbour(id="a", weights=np.pi, weights_rank=rank)) for rank in (1, 2, 3, 11, 21, 112)]
    ranks = ["nearest", "2nd nearest", "3rd nearest", "11th nearest", "21st nearest", "112th nearest"]
    assert said == [f"weights 3.14 ({rank})" for rank in ranks]
    assert distances(near("a", 1, 2), ranks=False) == "Chamfer 1, weights 1"
    assert distances(Neighbour(id="a")) == ""


def test_animations_are_played_and_filmed() -> None:
    frames = [box((-0.1 * number, -0.1, -0.1), (0.1, 0.1, 0.1)) for number in range(1, 5)]
    data = ReportData(
        run="r",
        preset="demo",
        date="today",
        generated=[
            GeneratedShape(id="s", mesh=frames[0], frames=frames, neighbours=(near("a", 1, 1),)),
            GeneratedShape(id="t", mesh=None),
        ],
        training_shapes={"a": TrainingShape(name="a", mesh=frames[0], frames=frames[:2])},
    )
    made = gallery(data)
    own, training = made.samples[0]["shapes"]
    assert own["frames"] == ["g1.0", "g1.1", "g1.2", "g1.3"]
    assert training["frames"] == ["t0.0", "t0.1"]
    assert made.samples[1]["shapes"][0] == {**made.samples[1]["shapes"][0], "mesh": None, "frames": []}
    assert set(own["frames"]) | set(training["frames"]) == made.meshes.keys()
    assert len(made.pictures) == len(made.labels) == 2 * FILM_FRAMES
    assert made.labels[:3] == ("1, frame 1", "1, frame 1", "1, frame 2")
    assert not np.array_equal(made.pictures[0], made.pictures[-FILM_FRAMES - 1])
