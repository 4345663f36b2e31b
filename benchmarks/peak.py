"""The highest memory of this process and everything below it, watched while something runs."""

import threading
from types import TracebackType

PERIOD_S = 1.0


class PeakMemory:
    """A context manager; `mb` is the highest sum of proportional set sizes that was seen.

    Private pages, and shared pages (those of an object store too) divided among those who share them.
    """

    def __enter__(self) -> "PeakMemory":
        self.mb, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.mb = max(self.mb, _memory_mb())


def _memory_mb() -> float:
    import psutil

    this = psutil.Process()
    total = 0
    for process in [this, *this.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6
