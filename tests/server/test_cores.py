"""Cores that computations of the server take: half, and all again afterwards, in this thread alone."""

import threading
from collections.abc import Iterator

import pytest
import torch

from draglab.server.cores import half_the_cores


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("threads", "half"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_half_of_the_threads_and_then_all_again(threads: int, half: int):
    torch.set_num_threads(threads)
    with half_the_cores():
        assert torch.get_num_threads() == half
    assert torch.get_num_threads() == threads
    with pytest.raises(RuntimeError), half_the_cores():
        raise RuntimeError
    assert torch.get_num_threads() == threads


def test_other_threads_keep_theirs():
    torch.set_num_threads(4)
    seen: list[int] = []
    going, half = threading.Event(), threading.Event()

    def there_before() -> None:
        seen.append(torch.get_num_threads())
        going.set()
        assert half.wait(10)
        seen.append(torch.get_num_threads())

    before = threading.Thread(target=there_before)
    before.start()
    assert going.wait(10)
    with half_the_cores():
        begun = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        begun.start()
        begun.join()
        half.set()
        before.join()
    assert seen == [4, 4, 4]
