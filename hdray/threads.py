"""Work in parts, a part to a core at a time, for torch operations too small to be split over the cores themselves.

torch splits every operation over the cores and waits for all of them after each. On a machine whose cores are busy with
other work those waits make many small operations ten to a hundred times slower; parts that never wait are not affected.

The number of threads is torch's, one for the process: nothing here is to be called from several threads at once.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


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
