"""A command that does not outlive the process that runs it, however either of them ends: on Linux and macOS.

The command is started by this file, run as a program: it leaves a watcher behind that holds one end of a pipe, and becomes
the command. The other end closes with the process that waits for the command, SIGKILL included; the watcher then ends the
command and all of its process group. (Ray kills the children of a worker that ends, but not their children.)
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

PATIENCE_S = 5.0
"""How long a command may take to end when asked to."""


def run_bound(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | None = None,
    folder: str | None = None,
) -> int:
    """Run the command to its end; its exit code, negative for a signal's number.

    `output` is a file for all that it prints; without one, it prints where this process does. `folder` is its working
    directory; without one, this process's is.
    """
    # Isolated, or modules of this folder would hide the standard library's.
    launcher = [sys.executable, "-I", os.path.abspath(__file__), *command]
    errors = None if output is None else subprocess.STDOUT
    with subprocess.Popen(
        launcher, stdin=subprocess.PIPE, stdout=output, stderr=errors, env=dict(environment), cwd=folder
    ) as process:
        return process.wait()


def _become(command: Sequence[str]) -> None:
    os.setsid()  # a process group of its own, which can be ended as a whole
    me = os.getpid()
    if os.fork() == 0:
        os.setsid()
        _watch(me)
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.execvp(command[0], list(command))


def _watch(group: int) -> None:
    """Wait until nobody waits for the command any more, then end its group if it is still there (our parent)."""
    while os.read(0, 1):
        pass
    asked = time.monotonic()
    if os.getppid() == group:
        os.killpg(group, signal.SIGTERM)
    while os.getppid() == group:
        if time.monotonic() - asked > PATIENCE_S:
            os.killpg(group, signal.SIGKILL)
            return
        time.sleep(0.05)


if __name__ == "__main__":
    _become(sys.argv[1:])
