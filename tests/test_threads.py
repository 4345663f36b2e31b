import threading
from collections.abc import Iterator

import pytest
import torch

from hdray.threads import in_shares, on_threads, one_thread


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_every_part_is_done_once_on_threads_of_their_own():
    done, inside, used = [], [], set()
    meet = threading.Barrier(3, timeout=30)

    def work(part: int) -> None:
        if part < 3:
            meet.wait()  # passes only if three parts run at the same time
        done.append(part)
        inside.append(torch.get_num_threads())
        used.add(threading.get_ident())

    on_threads(work, 20, 3)
    assert sorted(done) == list(range(20))
    assert inside == [1] * 20
    assert len(used) == 3
    assert torch.get_num_threads() == 3


def test_an_error_is_raised_and_the_threads_stay_as_they_were():
    def work(part: int) -> None:
        if part == 2:
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        on_threads(work, 5, 3)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_share(count: int):
    done: list[int] = []
    on_threads(done.append, count, 3)
    assert done == list(range(count))


def test_one_thread():
    with one_thread():
        assert torch.get_num_threads() == 1
        on_threads(lambda part: None, 4, 2)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_shares_are_of_one_size_and_in_order():
    """7 rows of a batch of 10, on three cores: shares of 4, whoever is done first."""
    slow = threading.Event()

    def find(rows: slice, slots: int) -> tuple[slice, int, int]:
        assert rows.start > 0 or slow.wait(timeout=30)
        slow.set()
        return rows, slots, torch.get_num_threads()

    assert in_shares(find, 7, 10, torch.device("cpu")) == [(slice(0, 4), 4, 1), (slice(4, 7), 4, 1)]
    assert in_shares(lambda rows, slots: (rows, slots), 7, 10, torch.device("meta")) == [(slice(0, 7), 10)]
