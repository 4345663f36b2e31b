"""What a job prints: kept in a file while it is shown, and read again for why the job failed."""

import datetime
import os
import re
import shlex
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hdray.pipeline.bound import run_bound
from hdray.pipeline.storage import exists, is_remote, read_bytes, write_bytes

_MISTAKE = "error:"
"""How jobs begin what they say of a user's mistake (hdray.pipeline.job)."""
_TRACEBACK = "Traceback (most recent call last):"
_LINES = 3
"""Of a traceback or of other output that are given as the reason: Ray's errors have their type, their place and a cause."""
_LONGEST = 1_000
"""Characters of a reason."""
_READ = 1 << 18
"""Bytes at the end of a job's output that the reason is looked for in."""
_POLL_S = 0.2
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class JobFailed(RuntimeError):
    """A job ended with another exit code than 0; the message, on one line, says why and where its output is."""


def run_logged(command: Sequence[str], environment: Mapping[str, str], url: str, folder: str | None = None) -> None:
    """Run the command to its end (`run_bound`), what it prints being shown as it comes and appended to the file at `url`.

    In a bucket the file is written when the command has ended; on a disk it grows with the output, whoever is killed.
    Raises JobFailed.
    """
    with _file(url) as path:
        with path.open("ab") as output:
            # The command writes to the file itself: a pipe would break, or fill up, with the process that reads it.
            begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            output.write(f"--- {begun} {shlex.join(command)}\n".encode())
            output.flush()
            start = output.tell()
            with _shown(path, start):
                code = run_bound(command, environment, output, folder)
        if code:
            ended = f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
            raise JobFailed(f"{reason(_end(path, start))} ({ended}; its log is {url})")


def reason(printed: str) -> str:
    """Why a job failed that printed this, on one line: its last line that begins with `error:`, or how its last traceback
    ends, or its last lines.
    """
    lines = [line for line in _COLOUR.sub("", printed).splitlines() if line.strip()]
    if mistakes := [line for line in lines if line.startswith(_MISTAKE)]:
        return mistakes[-1].removeprefix(_MISTAKE).strip()
    if _TRACEBACK in lines:
        raised = lines[len(lines) - lines[::-1].index(_TRACEBACK) :]
        lines = [line for line in raised if not line[0].isspace()][:_LINES]
    return " | ".join(line.strip() for line in lines[-_LINES:])[:_LONGEST] or "it printed nothing"


@contextmanager
def _file(url: str) -> Iterator[Path]:
    """A file on this machine that holds what is at the URL; what it holds in the end will be there."""
    if not is_remote(url):
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        yield Path(url)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        if exists(url):
            path.write_bytes(read_bytes(url))
        try:
            yield path
        finally:
            write_bytes(url, path.read_bytes())


@contextmanager
def _shown(path: Path, start: int) -> Iterator[None]:
    """Show what is appended to the file from there on."""
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(path, start, ended), name="output of a job", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show(path: Path, start: int, ended: threading.Event) -> None:
    # Standard output of the process, whatever Python's has been replaced by: a job that is not logged inherits that.
    with path.open("rb") as printed, open(1, "wb", closefd=False) as shown:
        printed.seek(start)
        while True:
            last = ended.is_set()
            shown.write(printed.read())
            shown.flush()
            if last:
                return
            ended.wait(_POLL_S)


def _end(path: Path, start: int) -> str:
    with path.open("rb") as printed:
        printed.seek(max(start, os.path.getsize(path) - _READ))
        return printed.read().decode(errors="replace")
