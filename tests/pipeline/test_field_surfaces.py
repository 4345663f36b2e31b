from typing import Any

import numpy as np
import pytest
import torch

from hdray.metrics.protocols import changed, protocol_named
from hdray.pipeline import extracted as module
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field_surfaces import _distinct, field_surfaces
from hdray.pipeline.shapes import Vectors, shapes_of
from tests.pipeline.ellipsoids import POINTS, config, fields, radii

RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)
NONE = protocol_named("none")


def test_equal_vectors_are_one_with_several_draws() -> None:
    theta = torch.tensor([[1.0], [2.0], [1.0]])
    vectors, draws = _distinct({"a": Vectors(["x", "y", "z"], theta), "b": Vectors(["x"], theta[1:2])})
    assert [vector.item() for vector in vectors] == [1, 2]
    assert draws == [[("a", "x"), ("a", "z")], [("a", "y"), ("b", "x")]]


@pytest.mark.ray
def test_tasks_give_what_one_process_gives(ray_cluster: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "EXTRACTED_TOGETHER", 2)
    theta = fields(radii(5, 0))
    theta[3] = -4.0  # outside everywhere
    copies = Vectors(["p", "q"], theta[[4, 4]])
    found = field_surfaces(
        {"made": Vectors(list("edcba"), theta), "copies": copies}, config(), NONE, RESOURCES, Clock()
    )
    assert found["made"].names == list("acde")
    assert "below the level" in found["made"].excluded["b"]
    alone, reasons = shapes_of(list("edcba"), theta, config(), "made")
    assert reasons == found["made"].excluded
    for name, cloud in zip(found["made"].names, found["made"].clouds, strict=True):
        np.testing.assert_array_equal(cloud, alone.clouds[alone.ids.index(name)])
    first, second = found["copies"].clouds
    assert first.shape == (POINTS, 3) and not torch.equal(first, second), "points of their own"
    thinned = field_surfaces({"made": copies}, config(), changed(NONE, 32, None), RESOURCES, Clock())["made"]
    assert [len(cloud) for cloud in thinned.clouds] == [32, 32]
    both = {"made": copies, "read": Vectors(["p"], theta[:1])}
    whole = field_surfaces(both, config(), changed(NONE, 32, None), RESOURCES, Clock(), whole=["read"])
    assert [len(shapes.clouds[0]) for shapes in whole.values()] == [32, POINTS]
    assert field_surfaces({"made": Vectors([], theta[:0])}, config(), NONE, RESOURCES, Clock())["made"].names == []
