"""A client of the websocket: carries out its commands. Used on the worker's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.media.images import encode_mask
from draglab.server import messages as m
from draglab.server.exports import Exports
from draglab.server.inverter import Inverter
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.message_parts import PointInput
from draglab.server.model_menu import ModelMenu
from draglab.server.model_messages import DownloadModel, ListModels, StopDownload, StopMeasuring
from draglab.server.outbox import Outbox
from draglab.server.photo_messages import FindFrame, InvertPhoto, PhotoAct
from draglab.server.photos import Photos
from draglab.server.questions import Questions
from draglab.server.sessions import Sessions
from draglab.server.setting_help import panel_settings
from draglab.server.transfer_messages import ExportSessions, KeepTransferred, StopTransfer, TransferTo
from draglab.server.transfer_task import TransferTask
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.session import EditingSession
    from draglab.editor.state import Point

logger = logging.getLogger("draglab.server")


class Client:
    """A client, which is a :class:`draglab.server.live_session.Viewer` of the session that it shows.

    Args:
        owner: the person, see Access.owner. outbox: receives the messages and pictures for the client.
    """

    def __init__(
        self,
        worker: Worker,
        inverter: Inverter,
        sessions: Sessions,
        menu: ModelMenu,
        photos: Photos,
        exports: Exports,
        limits: Limits,
        owner: str | None,
        outbox: Outbox,
    ) -> None:
        self._sessions = sessions
        self._menu, self._photos = menu, photos
        self._limits = limits
        self._questions = Questions(self, worker, inverter, exports, limits)
        self._transfer = TransferTask(self, worker, sessions, limits)
        self.owner = owner
        self._live: LiveSession | None = None
        self.outbox = outbox
        self.height = 0
        self.acknowledged = 0
        self.mask_id: Any = None
        self.original_id: Any = None

    def hello(self, message: m.Hello) -> None:
        """Send the welcome, and show the session that the message names."""
        self._see(message.height)
        live, sessions, problem = None, [], None
        try:
            sessions = self._sessions.listing(self.owner)
            if message.session is not None:
                live = self._sessions.open(self.owner, message.session)
        except DraglabError as error:
            problem = str(error)
        with self._menu.joining(self) as (models, work), self._photos.joining(self) as photos:
            welcome = m.Welcome(
                version=__version__,
                models=models,
                work=work,
                photos=photos,
                sessions=sessions,
                settings=panel_settings(),
                limits=self._limits,
                session=None if live is None else live.session.document.id,
            )
            self.send(welcome)
        if problem is not None:
            self.send(m.Error(id=message.id, message=problem))
        self._send_notices()
        if live is not None:
            try:
                self._show(live)
            except DraglabError as error:
                self.send(m.Error(id=message.id, message=str(error)))

    def leave(self) -> None:
        """Show nothing more to the client. A running round goes on."""
        self._menu.leave(self)
        self._photos.leave(self)
        self._transfer.close()
        self._leave_session()

    def _leave_session(self) -> None:
        if self._live is not None:
            self._live.leave(self)
            self._live = None

    def mask_size(self) -> tuple[int, int]:
        """Return the (height, width) in pixels that a mask must have now.

        Raises:
            DraglabError: no session is open.
        """
        image = self._session().session.view().image
        return image.height, image.width

    def set_mask(self, command: m.SetMask, mask: NDArray[np.bool_]) -> None:
        """Carry out a SetMask whose mask has been decoded."""
        self._attempt(command, lambda: self._set_mask(command, mask))

    def handle(self, command: m.Command) -> None:
        """Carry out a command; if that is impossible, send an error."""
        self._attempt(command, lambda: self._do(command))

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

    def _do(self, command: m.Command) -> None:
        match command:
            case m.NewSession():
                self._show(self._sessions.create(self.owner, command.start))
            case m.OpenSession():
                try:
                    self._show(self._sessions.open(self.owner, command.session))
                finally:
                    self._send_notices()
            case m.ListSessions():
                self._send_sessions(command)
            case m.RenameSession():
                self._sessions.rename(self.owner, command.session, command.name)
                self._send_sessions(command)
            case m.ForgetSession():
                live = self._live
                if live is not None and live.session.document.id == command.session and len(live.viewers) == 1:
                    self._leave_session()
                self._sessions.forget(self.owner, command.session)
            case m.SetView():
                larger = self._see(command.height)
                if larger and self._live is not None:
                    self._live.show_again(self)
            case ListModels() | DownloadModel() | StopDownload() | StopMeasuring():
                self._menu.handle(command, self)
            case FindFrame() | InvertPhoto() | PhotoAct():
                self._photos.handle(command, self)
            case TransferTo(more=False):
                self._transfer.begin(command, self._session())
            case TransferTo():
                self._transfer.more(command)
            case StopTransfer(close=close):
                (self._transfer.close if close else self._transfer.stop)()
            case KeepTransferred():
                self._transfer.keep(command)
            case ExportSessions():
                self._questions.export_sessions(command, self._sessions.documents(self.owner, command.sessions))
            case _:
                self._do_in_session(command, self._session())

    def _set_mask(self, command: m.SetMask, mask: NDArray[np.bool_] | None) -> None:
        live = self._session()
        live.session.set_mask(mask, command.feather)
        live.tell(knows_mask=self)

    def _send_sessions(self, command: m.Command) -> None:
        self.send(m.Sessions(id=command.id, sessions=self._sessions.listing(self.owner)))

    def _do_in_session(self, command: m.Command, live: LiveSession) -> None:
        session = live.session
        match command:
            case m.SetStart():
                session.set_start(self._sessions.start_spec(command.start))
                live.tell(picture=True)
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

    def _send_notices(self) -> None:
        """Send what was lost of damaged sessions, if anything was."""
        try:
            notices = self._sessions.notices(self.owner)
        except DraglabError:
            # The sessions cannot be read at all: an error was sent already.
            return
        for notice in notices:
            self.send(m.Error(message=notice))

    def _session(self) -> LiveSession:
        if self._live is None:
            raise DraglabError("no session is open: open one first")
        return self._live

    def _show(self, live: LiveSession) -> None:
        self._leave_session()
        self._live = live
        live.join(self)
        self._photos.opened(live.session.document.id)

    def _see(self, height: int) -> bool:
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
