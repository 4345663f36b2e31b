"""`ray job submit --working-dir . -- python jobs/full_pipeline.py` on a cluster that requires a token."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator

import pytest

from hdray.pipeline.instances import read_fitted
from hdray.pipeline.run_directory import RunDirectory
from tests.jobs.tiny import ROOT, SCALAR, TINY, arguments
from tests.ray_head import PROGRAMS, RayHead, ray_head

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(580)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayHead]:
    """Two CPUs, `ray start --head`, token authentication."""
    with ray_head(num_cpus=2, dashboard=True, token=secrets.token_hex(32)) as head:
        yield head


def submit(cluster: RayHead, *entrypoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Submit from the repository's root and wait for the end; `environment` is laid over the cluster's."""
    options = ["--address", cluster.dashboard, "--working-dir", ".", "--log-style=pretty", "--log-color=false"]
    return subprocess.run(
        [PROGRAMS / "ray", "job", "submit", *options, "--", *entrypoint],
        cwd=ROOT,
        env={**cluster.environment, **environment},
        capture_output=True,
        text=True,
        timeout=560,
    )


def test_submitting_without_the_token_is_refused(cluster):
    result = submit(cluster, "echo", "reached", RAY_AUTH_MODE="disabled")
    assert result.returncode != 0
    assert "Unauthorized: Missing authentication token" in result.stderr
    assert "reached" not in result.stdout


def test_submitting_with_another_token_is_refused(cluster):
    result = submit(cluster, "echo", "reached", RAY_AUTH_TOKEN=secrets.token_hex(32))
    assert result.returncode != 0
    assert "Forbidden: Invalid authentication token" in result.stderr
    assert "reached" not in result.stdout


def test_the_upload_is_the_code_alone(cluster):
    result = submit(cluster, "python", "-c", "import os; print('uploaded:', *sorted(os.listdir()))")
    assert result.returncode == 0, result.stdout + result.stderr
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("uploaded:")]
    uploaded = set(line.split()[1:])
    assert {"hdray", "jobs", "pyproject.toml"} <= uploaded
    assert uploaded.isdisjoint({".git", ".venv", "runs", "build", "tests", "docs"})


def test_a_submitted_pipeline_runs_to_its_report(cluster, tmp_path):
    """Of the baseline of voxels, which no other test takes through all stages."""
    run = tmp_path / "run"
    voxels = {"field__kind": "voxels", "field__voxels": 8, "generator__kind": "voxel-diffusion"}
    settings = arguments(**SCALAR, **voxels, fit__minimum_near_iou=0.0)
    result = submit(cluster, "python", "jobs/full_pipeline.py", *settings, "--run", str(run))
    assert result.returncode == 0, result.stdout + result.stderr
    job, log = re.search(r"'(\w+)' submitted successfully(.*?)Job '\1' succeeded", result.stdout, re.DOTALL).groups()
    assert job.startswith("raysubmit_")
    # The job's own output ends where the line of dashes around Ray's verdict begins.
    assert log.rstrip("- \n").splitlines()[-1] == str(run)
    assert "training voxel-diffusion" in log and "vectors of 512 entries" in log
    assert read_fitted(RunDirectory(str(run)), ["train"]).theta.shape[1] == 512
    found = json.loads((run / "metrics.json").read_text())
    assert found["counts"]["generated"] == TINY["generate.count"]
    assert found["metrics"]["nearest_weights_noise"] > 0
    assert (found["cost"]["samples_seen"], found["cost"]["train_seconds"] > 0) == (60 * 4, True)
    page, parameters = (run / "report.html").read_text(), f"{found['cost']['parameters']:,}"
    # So little training may leave no sample with a surface, on one machine or another.
    assert page.startswith("<!") and ("The closest pairs" in page) == (
        found["counts"]["empty"] < TINY["generate.count"]
    )
    assert f"{parameters} parameters" in page and f"{parameters}, " in log
    assert (run / "samples.png").exists()
