"""A client that works on one session: carries out the commands that concern it. Used on the worker's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.media.images import encode_mask
from draglab.server import messages as m
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.message_parts import PointInput
from draglab.server.outbox import Outbox
from draglab.server.questions import Questions
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.session import EditingSession
    from draglab.editor.state import Point

logger = logging.getLogger("draglab.server")


class SessionClient:
    """A client, which is a :class:`draglab.server.live_session.Viewer` of the session that it shows.

    Args:
        owner: the person, see Access.owner. outbox: receives the messages and pictures for the client.

    Attributes:
        live: the session that is shown; None = none yet.
    """

    def __init__(self, worker: Worker, limits: Limits, owner: str | None, outbox: Outbox) -> None:
        self._limits = limits
        self._questions = Questions(self, worker, limits)
        self.owner = owner
        self.live: LiveSession | None = None
        self.outbox = outbox
        self.height = 0
        self.acknowledged = 0
        self.mask_id: Any = None
        self.original_id: Any = None

    def show(self, live: LiveSession) -> None:
        """Show a session, in place of the one that was shown."""
        self.leave_session()
        self.live = live
        live.join(self)

    def leave_session(self) -> None:
        """Show no session any more. A running round goes on."""
        if self.live is not None:
            self.live.leave(self)
            self.live = None

    def mask_size(self) -> tuple[int, int]:
        """Return the (height, width) in pixels that a mask must have now.

        Raises:
            DraglabError: no session is open.
        """
        image = self.session().session.view().image
        return image.height, image.width

    def set_mask(self, command: m.SetMask, mask: NDArray[np.bool_]) -> None:
        """Carry out a SetMask whose mask has been decoded."""
        self._attempt(command, lambda: self._set_mask(command, mask))

    def handle(self, command: m.Command) -> None:
        """Carry out a command; if that is impossible, send an error."""
        self._attempt(command, lambda: self.do(command))

    def _attempt(self, command: m.Command, do: Callable[[], None]) -> None:
        before = self.acknowledged
        if command.id is not None:
            self.acknowledged = command.id
        try:
            do()
        except NotYet:
            self.acknowledged = before
            raise
        except DraglabError as error:
            self.send(m.Error(id=command.id, message=str(error)))
        except Exception as error:
            logger.exception("a command failed")
            self.send(m.Error(id=command.id, message=f"this did not work ({type(error).__name__}): try again"))

    def do(self, command: m.Command) -> None:
        """Carry out a command.

        Raises:
            DraglabError: that is impossible.
        """
        if isinstance(command, m.SetView):
            larger = self.see(command.height)
            if larger and self.live is not None:
                self.live.show_again(self)
        else:
            self._do_in_session(command, self.session())

    def _set_mask(self, command: m.SetMask, mask: NDArray[np.bool_] | None) -> None:
        live = self.session()
        live.session.set_mask(mask, command.feather)
        live.tell(knows_mask=self)

    def _do_in_session(self, command: m.Command, live: LiveSession) -> None:
        session = live.session
        match command:
            case m.SetPoints():
                session.set_points([_point(each) for each in command.points], command.done)
                live.tell()
            case m.AddPoint() | m.MovePoint() | m.RemovePoints():
                # A round that the change ends leaves another picture.
                picture = live.running
                self._change_points(command, session)
                live.tell(picture=picture)
            case m.Pull():
                self._check_room([point.id for point in command.points], session)
                live.pull(self, [_point(each) for each in command.points], command.gesture, command.done)
            case m.SetMask():
                # Only without a mask: see set_mask.
                self._set_mask(command, None)
            case m.SetSettings():
                session.set_settings(command.settings)
                live.tell()
            case m.ResetSettings():
                session.reset_settings(command.names)
                live.tell()
            case m.Act():
                self._act(command, live)
            case m.Goto():
                session.goto(command.node)
                live.tell(picture=True)
            case m.ContinueFrom():
                session.continue_from(command.node, command.frame)
                live.tell(picture=True)
            case _:
                self._questions.answer(command, live)

    def _change_points(self, command: m.AddPoint | m.MovePoint | m.RemovePoints, session: EditingSession) -> None:
        match command:
            case m.AddPoint(point=point):
                self._check_room([point.id], session)
                session.add_point(_point(point))
            case m.MovePoint():
                session.move_point(
                    command.point,
                    command.handle,
                    command.target,
                    no_target=command.no_target,
                    pin=command.pin,
                    gesture_done=command.done,
                )
            case m.RemovePoints():
                session.remove_points(command.points)

    def _check_room(self, ids: Collection[int], session: EditingSession) -> None:
        most = self._limits.points
        if len([each for each in session.document.points if each.id not in ids]) + len(ids) > most:
            raise DraglabError(f"there are {most} handles already (limit 'points'): delete one first")

    def _act(self, command: m.Act, live: LiveSession) -> None:
        match command.type:
            case "run":
                live.session.rounds.start()
                live.tell()
            case "stop":
                live.stop()
            case "go_on":
                live.session.rounds.go_on()
                live.tell()
            case "pause":
                live.stop(paused=True)
            case "undo":
                live.session.undo()
                live.tell(picture=True)
            case "redo":
                live.session.redo()
                live.tell(picture=True)
            case "take_back":
                live.take_back()
            case "suggest_mask":
                mask = live.session.suggest_mask()
                self.send(m.Mask(id=command.id, png=encode_mask(mask), suggested=True))

    def session(self) -> LiveSession:
        """Return the session that is shown.

        Raises:
            DraglabError: none is.
        """
        if self.live is None:
            raise DraglabError("no session is open: open one first")
        return self.live

    def see(self, height: int) -> bool:
        """Set the height in which the client shows the image, and return whether it has grown."""
        height = min(height, self._limits.picture_height)
        larger = height > self.height > 0
        self.height = height
        return larger

    def send(self, message: m.ServerMessage) -> None:
        """Put a message into the outbox."""
        self.outbox.put(m.encode(message))


def _point(given: PointInput) -> Point:
    from draglab.editor.state import Point

    return Point(given.id, given.handle, given.target, given.pin)
