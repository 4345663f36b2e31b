"""One monstrous file cannot take a node down: meshes are read, compared, repaired and labelled in a child process with limits.

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

import numpy as np

import hdray
from hdray.signals.occupancy import ShapeSample
from hdray.signals.rejection import Rejected
from hdray.signals.settings import OccupancySettings

WALL_FACTOR = 20.0
"""A mesh may take this many times its processor time by the clock (a crowded machine) before it counts as hung."""
START_LIMIT_S = 300.0
"""Seconds a child may take to import its libraries (a cold disk is slow; it is never the mesh's fault)."""


class ReaderFailed(Exception):
    """The process that reads meshes cannot be started: the machine's trouble, not the mesh's."""


class LimitedSampler:
    """`sample_mesh_file`, and what compares files, in a child process under the settings' limits. A context manager.

    One sampler belongs to one thread. The child ends when the sampler is closed, and when its parent dies.
    """

    def __init__(self, settings: OccupancySettings, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start the child before the first mesh comes, which takes seconds. Raises ReaderFailed."""
        self._running()

    def sample(self, content: bytes, extension: str, instance: str) -> ShapeSample:
        """The labelled points of the mesh in `content`.

        Raises Rejected when the mesh is bad, takes longer than `time_limit_s` of processor time, needs more than `memory_limit_gb`, or
        crashes the child; the next call then gets a fresh child.
        """
        sample = self._ask("sample", instance, (content, extension))
        assert isinstance(sample, ShapeSample)
        return sample

    def fingerprint(self, content: bytes, extension: str) -> np.ndarray:
        """The numbers (n,) float32 that tell which files may be alike (hdray.signals.fingerprint). Raises Rejected alike."""
        numbers = self._ask("fingerprint", "", (content, extension))
        assert isinstance(numbers, np.ndarray)
        return numbers

    def distance(self, one: tuple[bytes, str], other: tuple[bytes, str]) -> float:
        """The largest distance between the surfaces in two files, each content and extension. Raises Rejected alike."""
        farthest = self._ask("distance", "", one, other)
        assert isinstance(farthest, float)
        return farthest

    def _ask(self, work: str, instance: str, *files: tuple[bytes, str]) -> object:
        """What the child makes of the files."""
        connection = self._running()
        limit = self._settings.time_limit_s
        try:
            connection.send_bytes(pickle.dumps((work, instance, [extension for _, extension in files])))
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
            raise Rejected(f"it needs more memory than the limit of {self._settings.memory_limit_gb:g} GiB")
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def close(self) -> None:
        """End the child, if one runs. The sampler can still be used: the next call starts another."""
        if self._child is None or self._connection is None:
            return
        self._connection.close()
        self._child.kill()
        self._child.wait()
        self._child = self._connection = None

    def __enter__(self) -> "LimitedSampler":
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
            self.close()  # it died between two meshes
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
        parents_end.send_bytes(pickle.dumps((self._settings, self._seed)))
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
            limit = self._settings.time_limit_s
            return f"it takes longer than the limit of {limit:g} s of processor time to read, repair and label"
        if code is not None and code < 0:
            return f"it crashed the process that reads meshes (signal {-code}), likely by running out of memory"
        return f"it ended the process that reads meshes (exit code {code})"


def _connection_pair() -> tuple[Connection, Connection]:
    """Two ends of a two-way channel between processes."""
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())
