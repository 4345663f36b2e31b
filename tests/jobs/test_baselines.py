"""The baseline of points passes through every stage as HyperDiffusion does; that of voxels is submitted to a cluster
(test_submission.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from hdray.pipeline.generate_stage import samples_table
from hdray.pipeline.instances import matrix, read_fitted
from hdray.pipeline.run_directory import RunDirectory
from tests.jobs.tiny import SCALAR, arguments, finish, start_job

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(400)]


def test_points(tmp_path: Path) -> None:
    settings = arguments(
        **SCALAR, seed=1, field__kind="points", generator__kind="point-diffusion", inputs__withhold="arms+stretchers"
    )
    output = finish(start_job("full_pipeline", *settings, "--run", tmp_path))
    run = RunDirectory(str(tmp_path))
    assert (tmp_path / "report.html").exists() and (tmp_path / "samples.png").exists()
    assert "vectors of 768 entries" in output
    fitted = read_fitted(run, ["train"], 0.99)  # there is no IoU that could be too low
    np.testing.assert_allclose(fitted.theta.reshape(-1, 256, 3), fitted.surface / 65535 * 1.2 - 0.6, atol=1e-6)
    samples = samples_table(run).read(["theta", "surface", "reason"])
    assert samples is not None and samples["reason"].null_count == 5
    vectors, surfaces = (matrix(samples[name], np.float32) for name in ("theta", "surface"))
    np.testing.assert_allclose(surfaces, vectors, atol=1e-6)
    result = json.loads((tmp_path / "metrics.json").read_text())
    assert result["counts"]["passed"] == result["counts"]["fitted"] == 10
    assert "nearest_chamfer_generated" in result["metrics"]
    assert not any(name.startswith("nearest_weights") for name in result["metrics"])
    withheld = result["withheld"]
    assert (withheld["population"]["count"], withheld["population"]["total"]) == (3, 10)  # chairs 0, 5 and 8
    assert (withheld["recognised"]["total"], withheld["share"]["total"]) == (3, 5)
    assert withheld["share"]["count"] == len(withheld["shown_by"]) == round(5 * result["metrics"]["withheld_share"])
    arms = withheld["parts"]["arms"]
    for name in ("training", "withheld"):  # read off one cloud
        assert arms[f"accuracy_surfaces_{name}"] == arms[f"accuracy_fields_{name}"]
    assert withheld["mixtures"] is None
    assert withheld["verdict"] in output
    assert "Does it combine what it has learned?" in (tmp_path / "report.html").read_text()
