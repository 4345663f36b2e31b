"""What a stage took of its own, apart from what it used that other runs use too: points, networks, surfaces of fields."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from hdray.pipeline.run_directory import RunDirectory


class Clock:
    """Counts from when it is made, and stands still while something is made, or waited for, that other runs use too.

    Were that charged to whoever comes first, runs would not compare: what it took is in the record of the stage that
    made it, the same for all.
    """

    def __init__(self) -> None:
        self.uses: dict[str, str] = {}
        """Where lies what was used, by the stage that made it there."""
        self._began = time.monotonic()
        self._aside = 0.0

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Around the making of what other runs use too, and around waiting for it."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self._aside += time.monotonic() - begin

    def used(self, stage: str, directory: RunDirectory) -> None:
        """Keep that something was used which this stage made there."""
        self.uses[stage] = directory.url

    @property
    def seconds(self) -> float:
        """Of the stage's own work, so far."""
        return time.monotonic() - self._began - self._aside
