"""What a job prints is shown while it runs, kept, and says why it failed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hdray.pipeline.job_log import JobFailed, reason, run_logged
from hdray.pipeline.storage import join, read_bytes

ROOT = Path(__file__).parents[2]
FAILS = """
import sys
print("== fit")
print("error: --data nowhere holds no shapes", file=sys.stderr)
sys.exit(2)
"""


def python(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-u", "-c", script, *map(str, arguments)]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_output_is_kept_of_every_job_and_a_failure_says_why(
    request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    url = join(request.getfixturevalue("s3") if place == "bucket" else str(tmp_path / "run"), "job.log")
    run_logged(python("print('all is well')"), os.environ, url)
    assert "all is well" in read_bytes(url).decode()
    with pytest.raises(JobFailed) as found:
        run_logged(python(FAILS), os.environ, url)
    assert str(found.value) == f"--data nowhere holds no shapes (exit code 2; its log is {url})"
    killed = "import os; print('half', end=''); os.kill(os.getpid(), 9)"
    with pytest.raises(JobFailed, match=r"^half \(ended by SIGKILL; its log is "):
        run_logged(python(killed), os.environ, url)
    lines = read_bytes(url).decode().splitlines()
    begun = [number for number, line in enumerate(lines) if line.startswith("--- ") and sys.executable in line]
    # Each job's own lines after the command that began it, which is several lines where a script is.
    assert len(begun) == 3
    assert [line for line in lines if line.startswith(("all", "==", "error", "half"))] == [
        "all is well", "== fit", "error: --data nowhere holds no shapes", "half",
    ]  # fmt: skip
    shown = capfd.readouterr().out
    assert shown == "all is well\n== fit\nerror: --data nowhere holds no shapes\nhalf"


def test_output_is_shown_as_it_comes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    waits = "import pathlib, sys, time\nprint('first')\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.05)"
    seen = tmp_path / "seen"
    job = threading.Thread(target=run_logged, args=(python(waits, seen), os.environ, str(tmp_path / "job.log")))
    job.start()
    try:
        wait_until(lambda: capfd.readouterr().out == "first\n")
    finally:
        seen.touch()
        job.join()


def test_what_was_printed_outlives_a_kill(tmp_path: Path) -> None:
    runner = "import os, sys\nfrom hdray.pipeline.job_log import run_logged\nrun_logged(sys.argv[2:], os.environ, sys.argv[1])"
    log = tmp_path / "job.log"
    job = python("import os, time; print('I am', os.getpid()); time.sleep(600)")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(python(runner, log, *job), env=environment, stdout=subprocess.DEVNULL) as running:
        wait_until(lambda: log.exists() and log.read_text().splitlines()[-1].startswith("I am"))
        running.send_signal(signal.SIGKILL)
    number = int(log.read_text().split()[-1])
    wait_until(lambda: not psutil.pid_exists(number))


RAISED = """== train
Traceback (most recent call last):
  File "a.py", line 3, in <module>
    earlier()
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 5, in <module>
\x1b[36mray.exceptions.RayTaskError(OSError): ray::fit()\x1b[39m
  File "b.py", line 9, in fit
OSError: no space left on device
"""


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("error: one\nerror: two\n== fit\n", "two"),
        ("(a worker) error: not the job's own\nlast\n", "(a worker) error: not the job's own | last"),
        (RAISED, "ray.exceptions.RayTaskError(OSError): ray::fit() | OSError: no space left on device"),
        ("1\n2\n\n3\n4\n", "2 | 3 | 4"),
        ("", "it printed nothing"),
        ("x" * 5_000, "x" * 1_000),
    ],
)
def test_the_reason_is_one_line(printed: str, why: str) -> None:
    assert reason(printed) == why
