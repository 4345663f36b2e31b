"""What tests of jobs share: a cluster to run them on, and running one that is to refuse."""

import runpy
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.jobs.tiny import ROOT
from tests.ray_head import RayHead, ray_head

Mistake = Callable[..., str]


@pytest.fixture(scope="session")
def running_cluster(aws_server: str) -> Iterator[RayHead]:
    """One CPU: what asks for a whole one beside its actors would wait for ever, as it would where sweeps share a few.

    Its workers know the local S3 server (hence the order).
    """
    with ray_head(num_cpus=1) as head:
        yield head


@pytest.fixture
def cluster(running_cluster: RayHead, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run on a cluster that is there already, which starting one each time would take longer than many of them."""
    monkeypatch.setenv("RAY_ADDRESS", running_cluster.address)


@pytest.fixture
def mistake(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Mistake:
    """Run a job that is to refuse; what it says. In this process: starting one takes longer than being refused."""

    def run(name: str, *arguments: object) -> str:
        program = str(ROOT / "jobs" / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [program, *(str(part) for part in arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(program, run_name="__main__")
        output = "".join(capfd.readouterr())
        assert ended.value.code == 2, output
        assert "Traceback" not in output
        return " ".join(output.replace("│", " ").split())

    return run
