"""A command ends with the process that runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hdray.pipeline.bound import run_bound

ROOT = Path(__file__).parents[2]
COMMAND = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
RUNNER = """
import os, sys
from hdray.pipeline.bound import run_bound
run_bound([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ)
"""


def test_the_exit_code_is_the_command_s() -> None:
    assert run_bound([sys.executable, "-c", "import sys; sys.exit(sys.stdin.read() != '' or 7)"], os.environ) == 7
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_bound([sys.executable, "-c", killed], os.environ) == -signal.SIGKILL


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_and_its_children_end_with_what_runs_it(tmp_path: Path, ending: signal.Signals) -> None:
    pids = tmp_path / "pids"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", RUNNER, COMMAND, str(pids)], env=environment) as runner:
        deadline = time.monotonic() + 60
        while not pids.exists() or not pids.read_text():
            assert time.monotonic() < deadline and runner.poll() is None
            time.sleep(0.05)
        started = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
        assert all(process.is_running() for process in started)
        runner.send_signal(ending)
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive
