"""One driver at a time holds a run: a lease with a heartbeat; a second driver refuses, a dead one's is taken over."""

import json
import os
import socket
import threading
import time
import uuid
from types import TracebackType

from hdray.errors import UserError
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import create_bytes, exists, read_bytes, remove, write_bytes

HEARTBEAT_S = 5.0
STALE_S = 30.0
CLOCK_STEP_S = 60.0


class Lease:
    """Held as a context manager around everything that writes to the run.

    The holder renews `lease.json` every few seconds. Whoever finds a lease of a process of this host that is gone takes
    it over at once; one of another host, only after no heartbeat was seen for STALE_S seconds of the finder's own clock
    (the hosts' clocks need not agree).

    Raises:
        UserError: another driver holds the run, and this one is not `patient`.
    """

    def __init__(self, run: RunDirectory, *, patient: bool = False) -> None:
        """`patient`: wait for another driver to finish, however long it takes."""
        self.run = run
        self.patient = patient
        self.url = run.path("lease.json")
        self.token = uuid.uuid4().hex
        self.lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        while not create_bytes(self.url, self._content(0)):
            self._await_death()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        holder = self._read()
        if holder is not None and holder.get("token") == self.token:
            remove(self.url)

    def _content(self, beat: int) -> bytes:
        holder = {"token": self.token, "host": _host(), "pid": os.getpid(), "started": _started(os.getpid())}
        return json.dumps({**holder, "beat": beat}).encode()

    def _read(self) -> dict[str, object] | None:
        try:
            content = read_bytes(self.url)
        except FileNotFoundError:
            return None
        holder: dict[str, object] = json.loads(content)
        return holder

    def _await_death(self) -> None:
        """Return when the present lease is gone; raise UserError, or be patient, as soon as its holder is seen to live."""
        first = self._read()
        deadline = time.monotonic() + STALE_S
        said = False
        while (now := self._read()) is not None:
            if now != first and self.patient:
                if not said:
                    print(f"waiting for process {now.get('pid')} on {now.get('host')} to finish with {self.run.url}")
                    said = True
                first, deadline = now, time.monotonic() + STALE_S
            if now != first:
                raise UserError(
                    f"{self.run.url} is in use: process {now.get('pid')} on {now.get('host')} is working on it. "
                    "Wait for it or stop it, or give another --run."
                )
            if now.get("host") == _host():
                started = _started(int(str(now["pid"])))
                # psutil computes the time from the clock, which may have been set since.
                if started is None or abs(started - float(str(now["started"]))) > CLOCK_STEP_S:
                    break
                deadline += 1.0  # it lives: its next heartbeat will show
            elif not said:
                print(f"waiting up to {STALE_S:.0f} s to see whether the last driver of {self.run.url} still lives")
                said = True
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
        if first is not None:
            self._take_away(first)

    def _take_away(self, dead: dict[str, object]) -> None:
        """Remove a dead holder's lease, if it is still there: of all that found it dead, the one that makes the mark.

        Were each to look and then remove, the second could remove what the first one holds by then.
        """
        mark = self.run.path(f"lease-{dead['token']}.taken")
        if create_bytes(mark, b""):
            try:
                if self._read() == dead:
                    remove(self.url)
            finally:
                remove(mark)
            return
        deadline = time.monotonic() + STALE_S
        while exists(mark) and time.monotonic() < deadline:
            time.sleep(0.1)
        remove(mark)  # whoever made it is gone, or has died over it

    def _beat(self) -> None:
        beat, renewed = 0, time.monotonic()
        while not self._stop.wait(HEARTBEAT_S):
            try:
                holder = self._read()
                if holder is None or holder.get("token") != self.token:
                    self._give_up("was taken by another driver")
                write_bytes(self.url, self._content(beat + 1))
            except Exception as error:  # noqa: BLE001  (a store that does not answer for a moment raises what it likes)
                print(f"the lease of {self.run.url} could not be renewed: {error}", flush=True)
                if time.monotonic() - renewed > STALE_S:
                    self._give_up(f"could not be renewed for {STALE_S:.0f} s, and others may have taken it")
            else:
                beat, renewed = beat + 1, time.monotonic()

    def _give_up(self, why: str) -> None:
        """End this process at once: another driver may be writing to the run."""
        self.lost.set()
        print(f"the lease of {self.run.url} {why}; stopping", flush=True)
        os._exit(3)


def _host() -> str:
    return socket.gethostname()


def _started(pid: int) -> float | None:
    """When the process started, or None if there is none: tells a process from a later one with the same number."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None
