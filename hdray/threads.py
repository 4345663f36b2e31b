"""Work in parts, a part to a core at a time, for torch operations too small to be split over the cores themselves.

torch splits every operation over the cores and waits for all of them after each. On a machine whose cores are busy with
other work those waits make many small operations ten to a hundred times slower; parts that never wait are not affected.

The number of threads is torch's, one for the process: nothing here is to be called from several threads at once.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Found = TypeVar("Found")


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside it no torch operation of this thread is split."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def on_threads(work: Callable[[int], None], count: int, threads: int) -> None:
    """Call work(0), ..., work(count - 1) on `threads` threads, no operation split; raises what a call raised."""
    with one_thread():
        if min(threads, count) <= 1:
            for part in range(count):
                work(part)
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, range(count)))


def in_shares(find: Callable[[slice, int], Found], count: int, slots: int, device: torch.device) -> list[Found]:
    """What `find` makes of rows 0 to `count` of a batch of `slots`, share after share: find(rows, slots of the share).

    On CPUs each core has a share of the slots: cores that share every operation wait after each. Other devices have them all.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    share = -(-slots // threads)
    rows = [slice(first, min(first + share, count)) for first in range(0, count, share)]
    found: dict[int, Found] = {}

    def work(part: int) -> None:
        found[part] = find(rows[part], share)

    on_threads(work, len(rows), threads)
    return [found[part] for part in range(len(rows))]
