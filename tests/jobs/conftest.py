"""What tests of jobs share: running one that is to refuse."""

import runpy
import sys
from collections.abc import Callable

import pytest

from tests.jobs.tiny import ROOT

Mistake = Callable[..., str]


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
