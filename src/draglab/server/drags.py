"""Drags of programs: they wait in turns of their owners, run in steps on the worker, and are kept on disk."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, parse_edit_file
from draglab.server.drag_edits import DragEdits
from draglab.server.drag_messages import DragList, DragRequest, DragStatus, SentPhotoStart, State
from draglab.server.drag_store import TRIES, DragStore
from draglab.server.drag_task import Drag
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.turns import Turns
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from draglab.editor.document import Source
    from draglab.editor.replay import Replay
    from draglab.server.api_photos import FinishedPhoto

PAGE = 100
"""Number of drags in a list."""
RECENT = 32
"""Number of drags by whose ends it is estimated when there is room again."""
LONGEST_RETRY = 600
"""Longest time, in seconds, after which a program is told to try again."""

logger = logging.getLogger("draglab.server")


class QueueFull(DraglabError):
    """A limit of drags is reached. seconds: when it is worth another attempt."""

    def __init__(self, problem: str, seconds: int) -> None:
        super().__init__(problem)
        self.seconds = seconds


class Draining(DraglabError):
    """The server finishes what runs and takes nothing new."""


@dataclass(frozen=True)
class Result:
    """Result of a drag that has ended: its edit file as JSON, and its latent [num_ws, w_dim]."""

    edit: str
    w_plus: NDArray[np.float32]


class Drags:
    """The drags of all programs.

    Those of one person begin in order, and persons have turns. Drags that ran when a server was killed begin first,
    alone, so that it is known which one it was if the server is killed again.

    Methods without a remark are used on the worker's thread.

    Args:
        folder: returns the folder of the drags' file.
        photo_of: returns a photo of a program, by its id and its owner; raises if there is none.
        limits_of: returns the limits of a person.
    """

    def __init__(
        self,
        library: Library,
        loaded: LoadedModels,
        worker: Worker,
        limits: Limits,
        folder: Callable[[], Path],
        photo_of: Callable[[str, str], FinishedPhoto],
        limits_of: Callable[[str], Limits] | None = None,
    ) -> None:
        self._generator_of = loaded.get
        self._edits = DragEdits(library, loaded, photo_of)
        self._worker = worker
        self._limits = limits
        self._limits_of = limits_of or (lambda owner: limits)
        self._folder = folder
        self._opened: DragStore | None = None
        self._live: dict[str, Drag] = {}
        self._turns = Turns()
        self._suspects: deque[Drag] = deque()
        self._running: dict[str, Drag] = {}
        self._ends: deque[float] = deque(maxlen=RECENT)
        self.draining = False
        """Whether nothing new is taken and begun; set by :meth:`drain`."""
        self.ended: Counter[State] = Counter()
        """Number of drags that ended since the start of the server, by state."""
        self.refused = 0
        """Number of drags that were refused because a limit was reached."""

    # From any thread.

    @property
    def waiting(self) -> int:
        """Number of drags that wait."""
        return len(self._turns) + len(self._suspects)

    @property
    def running(self) -> int:
        """Number of drags that run."""
        return len(self._running)

    @property
    def lasting(self) -> bool:
        """Whether what programs have survives the process: another one may keep its own in the folder."""
        return self._open().lasting

    def drain(self) -> None:
        """Take and begin nothing from now on; what runs goes on."""
        self.draining = True

    def status(self, id: str, owner: str) -> DragStatus | None:
        """Return the status of a person's drag; None if there is no such drag."""
        if (drag := self._live.get(id)) is not None:
            return self._placed(drag) if drag.owner == owner else None
        stored = None if self._opened is None else self._opened.status(id, owner)
        return None if stored is None else _STATUS.validate_json(stored)

    def keyed(self, owner: str, key: str) -> DragStatus | None:
        """Return the status of a person's drag that was added with this key; None if there is none."""
        id = None if self._opened is None else self._opened.keyed(owner, key)
        return None if id is None else self.status(id, owner)

    def page(self, owner: str, state: str, before: str | None) -> DragList:
        """Return a page of a person's drags, the newest first.

        Args:
            state: only drags in this state; "" = in any. before: id of a drag; only older ones.
        """
        states = [state] if state else [*get_args(State)]
        stored = [] if self._opened is None else self._opened.page(owner, states, before, PAGE + 1)
        found = [_STATUS.validate_json(each) for each in stored]
        live = [self._live.get(each.id) for each in found[:PAGE]]
        drags = [each if drag is None else self._placed(drag) for each, drag in zip(found, live, strict=False)]
        running = sum(drag.owner == owner for drag in list(self._running.values()))
        waiting = sum(drag.owner == owner for drag in list(self._live.values())) - running
        more = drags[-1].id if len(found) > PAGE else None
        return DragList(drags=drags, waiting=waiting, running=running, before=more)

    def result(self, id: str) -> Result | None:
        """Return the result of a drag; None if it has none."""
        w_plus = None if self._opened is None else self._opened.w_plus(id)
        return None if w_plus is None or self._opened is None else Result(self._opened.edit(id), w_plus)

    def expire(self) -> None:
        """Delete the drags that ended longer than `drag_days` ago."""
        if self._opened is not None:
            self._opened.forget_ended_before(time.time() - self._limits.drag_days * 24 * 3600)

    def close(self) -> None:
        """Put what runs back among what waits, for the next server, and close the file."""
        if self._opened is not None:
            self._opened.close()

    # On the worker's thread.

    def resume(self) -> None:
        """Go on with the drags that an earlier server left, if there are any. To be called before the worker starts."""
        if self._opened is None and DragStore.exists(self._folder()):
            self._open()

    def size(self, request: DragRequest, owner: str) -> tuple[int, int]:
        """Return the (height, width) in pixels of the images of a request's model.

        Raises:
            QueueFull, Draining: nothing more is taken now.
            DraglabError: there is no such model or photo.
        """
        self._check_room(owner)
        return self._edits.size(request, owner)

    def add(
        self, request: DragRequest, owner: str, mask: NDArray[np.bool_] | None = None, key: str | None = None
    ) -> DragStatus:
        """Add a drag, which is on disk when this returns, and whose steps take turns with those of all others.

        Args:
            mask: the request's decoded mask, bool [H, W], True = movable.
            key: what :meth:`keyed` finds it by, new among the drags of this person; None = none.

        Raises:
            QueueFull, Draining: nothing more is taken now.
            DraglabError: the request does not fit the model, or exceeds a limit.
        """
        self._check_room(owner)
        photo = request.start.photo if isinstance(request.start, SentPhotoStart) else None
        return self.add_edit(self._edits.of_request(request, owner, mask), owner, key, photo)

    def add_edit(self, edit: EditFile, owner: str, key: str | None = None, photo: str | None = None) -> DragStatus:
        """Add all rounds of an edit file as one drag; see :meth:`add`.

        Args:
            photo: id of the photo that is dragged, in place of the file's model and start; None = none is.
        """
        self._check_room(owner)
        edit, model = self._edits.checked(edit, owner, photo, self._limits_of(owner))
        status = DragStatus(
            id=secrets.token_urlsafe(16),
            model=model,
            photo=photo,
            state="waiting",
            rounds=len(edit.rounds),
            created=time.time(),
        )
        text, drag = edit.model_dump_json(), Drag(status, owner, self._begin, self._end)
        self._make_room(owner, len(text))
        self._open().add(status.id, owner, _text(status), text, key)
        self._live[status.id] = drag
        self._turns.add(owner, status.id)
        self._start_next()
        return self._placed(drag)

    def source(self, status: DragStatus, owner: str) -> Source:
        """Return what the generator of a drag is made of.

        Raises:
            DraglabError: its photo is no longer there.
        """
        return self._edits.source(status.model, status.photo, owner)

    def cancel(self, id: str, owner: str) -> DragStatus | None:
        """End a person's drag and return its status; None if there is no such drag."""
        drag = self._live.get(id)
        if drag is not None and drag.owner == owner:
            self._worker.remove(drag)
            self._turns.remove(owner, id)
            if drag in self._suspects:
                self._suspects.remove(drag)
            drag.cancel()
            return drag.status
        return self.status(id, owner)

    def _open(self) -> DragStore:
        """Return the store, after opening it with what an earlier server left."""
        if self._opened is not None:
            return self._opened
        store = self._opened = DragStore(self._folder())
        given_up = []
        for each in store.pending():
            status = replace(_STATUS.validate_json(each.status), state="waiting")
            drag = self._live[status.id] = Drag(status, each.owner, self._begin, self._end, each.starts)
            if each.starts >= TRIES:
                given_up.append(drag)
            elif each.starts:
                self._suspects.append(drag)
            else:
                self._turns.add(each.owner, status.id)
        for drag in given_up:
            problem = f"the server was killed {drag.starts} times while this drag ran: it is not begun again"
            drag.fail(DraglabError(f"{problem}; report it, or send it again if it was not the reason"))
        self._start_next()
        return store

    def _start_next(self) -> None:
        """Begin waiting drags while there is room."""
        while not self.draining and len(self._running) < self._limits.drags:
            if any(drag.starts for drag in self._running.values()) or (self._suspects and self._running):
                return
            if self._suspects:
                drag = self._suspects.popleft()
                self._turns.had_turn(drag.owner)
            elif (id := self._turns.take(self._may_begin)) is not None:
                drag = self._live[id]
            else:
                return
            try:
                self._open().begin(drag.status.id)
            except DraglabError as error:
                # It runs all the same: what is lost is the note by which a drag that kills servers is found.
                logger.error("%s", error)
            drag.status = replace(drag.status, state="running")
            self._running[drag.status.id] = drag
            self._worker.add(drag)

    def _may_begin(self, owner: str) -> bool:
        running = sum(drag.owner == owner for drag in self._running.values())
        return running < self._limits_of(owner).drags_per_person

    def _begin(self, drag: Drag) -> Replay:
        from draglab.editor.replay import Replay

        generator = self._generator_of(self.source(drag.status, drag.owner))
        return Replay(parse_edit_file(self._open().edit(drag.status.id).encode(), "the drag"), generator)

    def _end(self, drag: Drag) -> None:
        """Store the result of a drag, and begin others in its place."""
        status = drag.status
        edit = None if drag.edit is None else drag.edit.model_dump_json(indent=2)
        try:
            self._open().end(status.id, status.state, _text(status), edit, drag.w_plus)
            self._trim(drag.owner)
        except DraglabError as error:
            # On disk it still runs.
            logger.error("the result of a drag could not be kept; the next server runs it again: %s", error)
        self._live.pop(status.id, None)
        self._running.pop(status.id, None)
        self._ends.append(time.monotonic())
        self.ended[status.state] += 1
        seconds = round((status.ended or 0.0) - status.created, 3)
        facts = {"drag": status.id, "state": status.state, "steps": status.step, "seconds": seconds}
        logger.info("drag ended", extra={"facts": facts})
        self._start_next()

    def _placed(self, drag: Drag) -> DragStatus:
        """Return the status of a drag with its position."""
        status = drag.status
        if status.state != "waiting":
            return status
        suspects = list(self._suspects)
        if drag in suspects:
            return replace(status, position=suspects.index(drag) + 1)
        place = self._turns.position(drag.owner, status.id)
        return status if place is None else replace(status, position=place + len(suspects))

    def _check_room(self, owner: str) -> None:
        if self.draining:
            raise Draining("draglab is about to end and takes no new drags: try again when it is back")
        self._open()
        most = self._limits_of(owner).drags_waiting_per_person
        if (mine := self._turns.count(owner)) >= most:
            problem = f"{mine} of your drags wait (limit 'drags_waiting_per_person')"
            raise self._full(f"{problem}: wait for one to end, or cancel one")
        if (count := self.waiting) >= self._limits.drags_waiting:
            raise self._full(f"{count} drags wait (limit 'drags_waiting'): try again later")

    def _make_room(self, owner: str, size: int) -> None:
        """Delete ended drags until there is room for one of this size."""
        own = self._limits_of(owner)
        for person, most, limit in (
            (owner, own.drag_bytes_per_person, "drag_bytes_per_person"),
            (None, self._limits.drag_bytes, "drag_bytes"),
        ):
            while self._open().sizes(person).bytes + size > most:
                if not self._open().forget_oldest(person):
                    problem = "your drags take" if person is not None else "all drags take"
                    raise self._full(f"{problem} {most} bytes on disk (limit {limit!a}): wait for one to end")

    def _trim(self, owner: str) -> None:
        """Delete the oldest drags beyond what is kept."""
        own = self._limits_of(owner)
        for person, count, most in (
            (owner, own.drags_kept_per_person, own.drag_bytes_per_person),
            (None, self._limits.drags_kept, self._limits.drag_bytes),
        ):
            # The latest result stays, however large it is.
            while (sizes := self._open().sizes(person)).ended > 1 and (sizes.ended > count or sizes.bytes > most):
                self._open().forget_oldest(person, by_number=sizes.ended > count)

    def _full(self, problem: str) -> QueueFull:
        self.refused += 1
        seconds = 5.0
        if len(self._ends) > 1:
            seconds = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        return QueueFull(problem, min(max(math.ceil(seconds), 1), LONGEST_RETRY))


_STATUS: TypeAdapter[DragStatus] = TypeAdapter(DragStatus)


def _text(status: DragStatus) -> str:
    return _STATUS.dump_json(status).decode()
