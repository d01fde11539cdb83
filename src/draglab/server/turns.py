"""Waiting work, in turns of the persons it belongs to: whoever has waited longest for a turn is next."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

REMEMBERED = 1000
"""Number of persons without waiting work whose last turns are remembered."""


class Turns:
    """Queues of names, one for each person, from which names are taken in turns. Can be used from any thread.

    A person who never had a turn comes before all who had; else the one whose last turn is longest ago.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, deque[str]] = {}
        self._last: OrderedDict[str, None] = OrderedDict()
        """Persons who had a turn, the latest last."""

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._queues.values()))

    def count(self, owner: str) -> int:
        """Return the number of names of a person that wait."""
        with self._lock:
            return len(self._queues.get(owner, ()))

    def add(self, owner: str, name: str) -> None:
        """Add a name at the end of a person's queue."""
        with self._lock:
            self._queues.setdefault(owner, deque()).append(name)

    def remove(self, owner: str, name: str) -> bool:
        """Remove a name and return whether it was waiting."""
        with self._lock:
            queue = self._queues.get(owner)
            if queue is None or name not in queue:
                return False
            queue.remove(name)
            if not queue:
                del self._queues[owner]
            return True

    def take(self, may: Callable[[str], bool] = lambda owner: True) -> str | None:
        """Take the next name of the first person in turn for whom `may` is true; None if there is none."""
        with self._lock:
            for owner in self._order():
                if may(owner):
                    queue = self._queues[owner]
                    name = queue.popleft()
                    if not queue:
                        del self._queues[owner]
                    self._had_turn(owner)
                    return name
            return None

    def had_turn(self, owner: str) -> None:
        """Note that a person has had a turn now."""
        with self._lock:
            self._had_turn(owner)

    def position(self, owner: str, name: str) -> int | None:
        """Return the place of a name from 1 on, in the order in which all are taken; None if it does not wait.

        That is the order if nothing is added or removed and everybody may have a turn.
        """
        with self._lock:
            queue = self._queues.get(owner)
            if queue is None or name not in queue:
                return None
            place = queue.index(name) + 1
            found, before = place, True
            for other in self._order():
                if other == owner:
                    before = False
                else:
                    found += min(len(self._queues[other]), place if before else place - 1)
            return found

    def _order(self) -> list[str]:
        new = [owner for owner in self._queues if owner not in self._last]
        return new + [owner for owner in self._last if owner in self._queues]

    def _had_turn(self, owner: str) -> None:
        self._last[owner] = None
        self._last.move_to_end(owner)
        if len(self._last) > REMEMBERED + len(self._queues):
            del self._last[next(each for each in self._last if each not in self._queues)]
