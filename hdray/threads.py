"""Work in parts, one part to a core at a time, for torch operations too small to be split over the cores themselves."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def on_all_threads(work: Callable[[int], None], count: int) -> None:
    """Call work(0), ..., work(count - 1), spread over as many threads as torch may use; raises what a call raised.

    Each call's operations stay on its own thread. Were every operation split over the cores instead, they would wait
    for each other after each one: on a machine whose cores are busy that made a run ten to a hundred times slower.
    Not to be called from several threads at once: the number of threads is torch's, one for the process.
    """
    threads = torch.get_num_threads()
    if min(threads, count) <= 1:
        for part in range(count):
            work(part)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, range(count)))
    finally:
        torch.set_num_threads(threads)  # threads that torch starts later would inherit the 1
