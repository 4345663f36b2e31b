import json

import pytest
import torch

from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.distribution import mmd
from hdray.metrics.evaluation import evaluate
from hdray.metrics.settings import EvaluateSettings


def clouds(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 64, 3, generator=torch.Generator().manual_seed(seed))


def test_numbers_come_with_their_protocol():
    settings = EvaluateSettings(points=64, normalisation="std", squared=False, reference_split="validation")
    metrics, protocol = evaluate(clouds(4, 0), clouds(3, 1), 2, settings)
    assert set(metrics) == {"mmd_cd", "cov_cd", "nna_cd"}
    assert {key: protocol[key] for key in ("generated", "empty", "references", "points")} == {
        "generated": 6, "empty": 2, "references": 3, "points": 64,
    }  # fmt: skip
    assert (protocol["squared"], protocol["normalisation"]) == (False, "std")
    assert protocol["reference_split"] == "validation"
    assert json.loads(json.dumps(protocol)) == protocol


def test_normalisation_and_squares_are_applied():
    made, real = clouds(4, 0), clouds(3, 1)
    plain, _ = evaluate(made, real, 0, EvaluateSettings(points=64, squared=False))
    assert plain["mmd_cd"] == mmd(chamfer_matrix(made, real, squared=False))
    scaled, _ = evaluate(made * 5 + 1, real, 0, EvaluateSettings(points=64, normalisation="box"))
    unscaled, _ = evaluate(made, real, 0, EvaluateSettings(points=64, normalisation="box"))
    assert scaled == pytest.approx(unscaled, rel=1e-4)


def test_wrong_number_of_points():
    with pytest.raises(ValueError, match=r"\(N, 2048, 3\)"):
        evaluate(clouds(2, 0), clouds(2, 1), 0, EvaluateSettings())
