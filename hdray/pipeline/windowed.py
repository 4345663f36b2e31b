"""Many Ray tasks, a few of them at a time: results as they come, and no more waiting than keeps the cluster busy."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from hdray.pipeline.cluster import actors_on_one

if TYPE_CHECKING:
    import ray

Key = TypeVar("Key")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks submitted for each that can run: the next one is there when one ends."""


def windowed(
    keys: Iterable[Key], submit: Callable[[Key], "ray.ObjectRef[Result]"], slots: Callable[[], int]
) -> Iterator[tuple[Key, Result]]:
    """Each key with the result of the task that `submit` starts for it, in the order in which they end.

    `slots` says how many tasks can run now; it is asked again after each, since a cluster may grow. Raises what a task
    raised.
    """
    import ray

    left = iter(keys)
    waiting: dict[ray.ObjectRef[Result], Key] = {}
    while True:
        for key in islice(left, max(0, AHEAD * slots() - len(waiting))):
            waiting[submit(key)] = key
        if not waiting:
            return
        (ready,), _ = ray.wait(list(waiting), num_returns=1)
        yield waiting.pop(ready), ray.get(ready)


def cluster_slots(gpus: float) -> int:
    """Tasks of so much of a GPU each, or of a CPU each (`gpus` 0), that the cluster can run now, at least one."""
    import ray

    found = int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0))
    return max(1, found * actors_on_one(gpus) if gpus else found)
