"""`ray job submit --working-dir . -- python jobs/full_pipeline.py` on a cluster that requires a token."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray_head import PROGRAMS, RayHead, ray_head

pytestmark = [pytest.mark.slow, pytest.mark.ray]

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayHead]:
    """Two CPUs, `ray start --head`, token authentication."""
    with ray_head(num_cpus=2, dashboard=True, token=secrets.token_hex(32)) as head:
        yield head


def submit(cluster: RayHead, *entrypoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Submit from the repository's root and wait for the end; the environment is the cluster's but for `environment`."""
    return subprocess.run(
        [PROGRAMS / "ray", "job", "submit", "--address", cluster.dashboard, "--working-dir", ".", "--", *entrypoint],
        cwd=ROOT,
        env={**cluster.environment, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_submitting_without_the_token_is_refused(cluster):
    result = submit(cluster, "echo", "reached", RAY_AUTH_MODE="disabled")
    assert result.returncode != 0
    assert "Authentication failed: Unauthorized" in result.stderr
    assert "reached" not in result.stdout


def test_submitting_with_another_token_is_refused(cluster):
    result = submit(cluster, "echo", "reached", RAY_AUTH_TOKEN=secrets.token_hex(32))
    assert result.returncode != 0
    assert "Authentication failed: Forbidden" in result.stderr
    assert "reached" not in result.stdout


def test_the_upload_is_the_code_alone(cluster):
    result = submit(cluster, "python", "-c", "import os; print('uploaded:', *sorted(os.listdir()))")
    assert result.returncode == 0, result.stdout + result.stderr
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("uploaded:")]
    uploaded = set(line.split()[1:])
    assert {"hdray", "jobs", "pyproject.toml"} <= uploaded
    assert uploaded.isdisjoint({".git", ".venv", "runs", "build", "tests", "docs"})


def test_a_submitted_pipeline_runs_to_its_report(cluster, tmp_path):
    run = tmp_path / "run"
    result = submit(cluster, "python", "jobs/full_pipeline.py", "--preset", "demo", "--run", str(run))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Job '{submission_id(result.stdout)}' succeeded" in result.stdout
    printed = result.stdout.partition("Tailing logs until the job exits")[2].partition("----")[0].strip()
    assert printed.splitlines()[-1] == str(run)
    assert (run / "report.html").stat().st_size > 10_000
    assert os.listdir(run)


def submission_id(output: str) -> str:
    """The id that `ray job submit` gave the job."""
    return output.partition("Job '")[2].partition("' submitted")[0]
