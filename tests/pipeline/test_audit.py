import json

import pytest
import torch

from hdray.metrics.controls import control_set
from hdray.metrics.novelty import copying_z
from hdray.metrics.protocols import protocol_named
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline.audit import Audit, neighbours
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field_surfaces import field_surfaces
from hdray.pipeline.shapes import Vectors
from tests.pipeline.ellipsoids import config, fields, radii, surfaces

NONE = protocol_named("none")
RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)


def named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number:02d}" for number in range(count)]


@pytest.mark.ray
def test_copies_of_the_training_shapes_are_seen_whatever_fitting_loses(ray_cluster: None) -> None:
    """Fields keep 0.8 of each radius here: beside original surfaces copies lie far from the training shapes, too."""
    trained, unseen = radii(20, 0), radii(14, 1)
    training, held_out = Vectors(named("t", 20), fields(trained)), Vectors(named("h", 14), fields(unseen))
    copies = Vectors(*control_set("training", training.theta, training.ids, 12, 0))
    sets = {"trained on": training, "held-out": held_out, "training": copies}
    found = field_surfaces(sets, config(), NONE, RESOURCES, Clock())
    audit = Audit(training, found["trained on"], NONE, RESOURCES)
    nearest = {kind: audit.chamfer(shapes).amin(dim=1) for kind, shapes in found.items()}
    assert (nearest["training"] > 0).all(), "other points on the same surfaces"
    assert copying_z(nearest["training"], nearest["held-out"]) < -1.96
    # Training shapes among the others are as near as unseen ones.
    assert abs(copying_z(audit.to_others(training.ids), nearest["held-out"])) < 1.96

    def own(ids: list[str], sizes: object, seed: int) -> ShapeSet:
        return ShapeSet(ids, list(torch.from_numpy(surfaces(sizes, seed)).float()), ids)  # type: ignore[arg-type]

    original = Audit(training, own(training.ids, trained, 5), NONE, RESOURCES)
    distances = [original.chamfer(s).amin(dim=1) for s in (found["training"], own(held_out.ids, unseen, 6))]
    assert copying_z(*distances) > -1.96, "what was measured before: the copies are not seen"


@pytest.mark.ray
def test_distances_to_a_training_shape_without_a_surface_are_infinite(ray_cluster: None) -> None:
    training = Vectors(["a", "b", "c"], torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    clouds = list(torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(0)))
    audit = Audit(training, ShapeSet(["a", "c"], clouds, ["a", "c"], {"b": "nothing"}), NONE, RESOURCES)
    shapes = ShapeSet(["s"], [clouds[1]], ["s"])
    found = audit.both(Vectors(["empty", "s"], torch.tensor([[9.0, 9.0], [0.0, 0.0]])), shapes, with_weights=True)
    assert found["chamfer"].isinf().tolist() == [[False, True, False]]
    assert found["chamfer"][0, 2] == 0
    assert found["weights"].tolist() == [[0, 5, 1]]
    others = audit.to_others(["b", "c"])
    torch.testing.assert_close(others, found["chamfer"][0, :1])
    assert set(audit.both(training, shapes.take([]), with_weights=False)) == {"chamfer"}


def test_neighbours_are_the_nearest_in_either_space_with_both_ranks() -> None:
    distances = {
        "chamfer": torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, torch.inf]]),
        "weights": torch.tensor([[0.1, 0.3, 0.2], [0.2, 0.1, 0.05]]),
    }
    found = neighbours(["a", "b"], ["x", "y", "z"], distances, 1)
    assert [near["id"] for near in found["a"]] == ["y", "x"]
    assert [near["id"] for near in found["b"]] == ["x", "z"]
    first = found["a"][0]
    assert (first["chamfer"], first["chamfer_rank"], first["weights_rank"]) == (1.0, 1, 3)
    assert found["b"][1]["chamfer"] is None, "it has no surface"
    json.dumps(found, allow_nan=False)
