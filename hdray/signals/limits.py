"""One monstrous file cannot take a node down: meshes are read, and repaired and labelled, in a child process with limits.

The child is started once and reused; it is killed and replaced when a mesh takes too much time or memory, or crashes a
library. What happened becomes a Rejected with a reason, like any other bad input.
"""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import hdray
from hdray.signals.rejection import Rejected

Found = TypeVar("Found", covariant=True)

WALL_FACTOR = 20.0
"""A mesh may take this many times its processor time by the clock (a crowded machine) before it counts as hung."""
START_LIMIT_S = 300.0
"""Seconds a child may take to import its libraries (a cold disk is slow; it is never the mesh's fault)."""


class ReaderFailed(Exception):
    """The process that reads meshes cannot be started: the machine's trouble, not the mesh's."""


class Reading(Protocol[Found]):
    """What the child does with each file; it is pickled, so let it hold settings and no data."""

    def prepare(self) -> None:
        """Load the libraries, whose memory must not count against the files'."""

    def __call__(self, name: str, /, *files: tuple[bytes, str]) -> Found:
        """What is wanted of a file, or of some files together, each content and extension; raises Rejected."""


class LimitedReader(Generic[Found]):
    """Reads one file after the other in a child process under limits of time and memory. A context manager.

    One reader belongs to one thread. The child ends when the reader is closed, and when its parent dies.
    """

    def __init__(self, reading: Reading[Found], time_limit_s: float, memory_limit_gb: float) -> None:
        """`time_limit_s`: processor seconds of one file; `memory_limit_gb`: GiB that one may take."""
        self._reading = reading
        self._time_limit_s, self._memory_limit_gb = time_limit_s, memory_limit_gb
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start the child before the first file comes, which takes seconds. Raises ReaderFailed."""
        self._running()

    def read(self, name: str, *files: tuple[bytes, str]) -> Found:
        """What the reading makes of a file, or of some files together, each content and extension.

        Raises Rejected when the file is bad, takes longer or needs more memory than the limits, crashes the child, or
        trips a library or hdray itself, in which case the child's traceback is printed: one file does not stop the
        others. The next call then gets a fresh child where the last one is gone.
        """
        connection = self._running()
        limit = self._time_limit_s
        try:
            connection.send_bytes(pickle.dumps((name, [extension for _, extension in files])))
            for content, _ in files:
                connection.send_bytes(content)
            if not connection.poll(limit * WALL_FACTOR):
                self.close()
                raise Rejected(f"reading it hung: no answer for {limit * WALL_FACTOR:g} s")
            reply = pickle.loads(connection.recv_bytes())
        except (EOFError, ConnectionError):
            raise Rejected(self._death()) from None
        if isinstance(reply, MemoryError):
            # What the failed mesh left behind in the child must not count against the next one.
            self.close()
            raise Rejected(f"it needs more memory than the limit of {self._memory_limit_gb:g} GiB")
        if isinstance(reply, Rejected | OSError):
            raise reply  # a machine in trouble fails the job: recorded as a bad mesh it would stay one forever
        if isinstance(reply, BaseException):
            print(f"{name} failed in an unforeseen way:", *getattr(reply, "__notes__", [reply]), sep="\n", flush=True)
            raise Rejected(f"reading it failed in an unforeseen way: {type(reply).__name__}: {reply}") from reply
        found: Found = reply
        return found

    def close(self) -> None:
        """End the child, if one runs. The reader can still be used: the next call starts another."""
        if self._child is None or self._connection is None:
            return
        self._connection.close()
        self._child.kill()
        self._child.wait()
        self._child = self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # At interpreter exit modules may already be gone; the child then ends by itself, its connection being closed.
        with contextlib.suppress(Exception):
            self.close()

    def _running(self) -> Connection:
        """The connection to a child that is ready, started if need be."""
        if self._child is not None and self._child.poll() is not None:
            self.close()  # it died between two files
        if self._connection is not None:
            return self._connection
        parents_end, childs_end = _connection_pair()
        environment = dict(os.environ)
        # The child finds the same hdray however the parent found it, and keeps to the one thread it is given.
        package_root = str(Path(hdray.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package_root, environment.get("PYTHONPATH")]))
        for name in ("IGL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = "1"
        descriptor = childs_end.fileno()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "hdray.signals.child", str(descriptor)],
            stdin=subprocess.DEVNULL,
            pass_fds=[descriptor],
            env=environment,
        )
        childs_end.close()
        self._connection = parents_end
        parents_end.send_bytes(pickle.dumps((self._reading, self._time_limit_s, self._memory_limit_gb)))
        ready = parents_end.poll(START_LIMIT_S)
        try:
            if not ready:
                raise EOFError
            parents_end.recv_bytes()
        except (EOFError, ConnectionError):
            how = self._death()
            raise ReaderFailed(
                f"the process that reads meshes did not start: {how}; its error is printed above"
            ) from None
        return parents_end

    def _death(self) -> str:
        """What became of a child that no longer answers; it is gone afterwards."""
        assert self._child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        code = self._child.poll()
        self.close()
        if code == -signal.SIGPROF:
            return f"it takes longer than the limit of {self._time_limit_s:g} s of processor time"
        if code is not None and code < 0:
            return f"it crashed the process that reads meshes (signal {-code}), likely by running out of memory"
        return f"it ended the process that reads meshes (exit code {code})"


def _connection_pair() -> tuple[Connection, Connection]:
    """Two ends of a two-way channel between processes."""
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())
