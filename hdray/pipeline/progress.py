"""Progress lines of long work: how much is done, how fast, how long it will take."""

import threading
import time
from collections.abc import Callable
from types import TracebackType


class Progress:
    """Prints a line every `period_s` seconds from a thread of its own, by asking `count` how much is done.

    A context manager; of more than one there is a line in the end. `period_s` 0 is silent.
    """

    def __init__(self, what: str, total: int, count: Callable[[], int], period_s: float) -> None:
        self.what, self.total, self.count, self.period_s = what, total, count, period_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._report, name=f"progress of {what}", daemon=True)

    def __enter__(self) -> "Progress":
        self._begin = time.monotonic()
        if self.period_s:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self.period_s:
            self._thread.join()
            if error is None and self.total > 1:
                print(f"{self.what}: {self.total} of {self.total}, {duration(self._seconds())}", flush=True)

    def _seconds(self) -> float:
        return time.monotonic() - self._begin

    def _report(self) -> None:
        while not self._stop.wait(self.period_s):
            done, seconds = self.count(), self._seconds()
            left = f", {duration((self.total - done) * seconds / done)} left" if done else ""
            rate = f", {done / seconds:.2f} a second" if done else ""
            print(f"{self.what}: {done} of {self.total} after {duration(seconds)}{rate}{left}", flush=True)


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 48 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
