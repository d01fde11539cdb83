"""A client of the websocket: carries out its commands. Used on the worker's thread only."""

from __future__ import annotations

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.media.provenance.switches import mark_wanted
from draglab.server import messages as m
from draglab.server.export_tasks import ExportTasks
from draglab.server.exports import Exports
from draglab.server.inverter import Inverter
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.model_menu import ModelMenu
from draglab.server.model_messages import DownloadModel, ListModels, StopDownload, StopMeasuring
from draglab.server.outbox import Outbox
from draglab.server.photo_messages import FindFrame, InvertPhoto, PhotoAct
from draglab.server.photos import Photos
from draglab.server.session_client import SessionClient
from draglab.server.sessions import Sessions
from draglab.server.setting_help import panel_settings
from draglab.server.transfer_messages import ExportSessions, KeepTransferred, StopTransfer, TransferTo
from draglab.server.transfer_task import TransferTask
from draglab.server.worker import Worker


class Client(SessionClient):
    """A client of the whole editor: any of a person's sessions, models, photos, exports; see SessionClient."""

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
        super().__init__(worker, limits, owner, outbox)
        self._sessions = sessions
        self._menu, self._photos = menu, photos
        self._exports = ExportTasks(self, worker, inverter, exports)
        self._transfer = TransferTask(self, worker, sessions, limits)

    def hello(self, message: m.Hello) -> None:
        """Send the welcome, and show the session that the message names."""
        self.see(message.height)
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
                marks=mark_wanted(),
                session=None if live is None else live.session.document.id,
            )
            self.send(welcome)
        if problem is not None:
            self.send(m.Error(id=message.id, message=problem))
        self._send_notices()
        if live is not None:
            try:
                self.show(live)
            except DraglabError as error:
                self.send(m.Error(id=message.id, message=str(error)))

    def leave(self) -> None:
        """Show nothing more to the client. A running round goes on."""
        self._menu.leave(self)
        self._photos.leave(self)
        self._transfer.close()
        self.leave_session()

    def do(self, command: m.Command) -> None:
        match command:
            case m.NewSession():
                self.show(self._sessions.create(self.owner, command.start))
            case m.OpenSession():
                try:
                    self.show(self._sessions.open(self.owner, command.session))
                finally:
                    self._send_notices()
            case m.ListSessions():
                self._send_sessions(command)
            case m.RenameSession():
                self._sessions.rename(self.owner, command.session, command.name)
                self._send_sessions(command)
            case m.ForgetSession():
                live = self.live
                if live is not None and live.session.document.id == command.session and len(live.viewers) == 1:
                    self.leave_session()
                self._sessions.forget(self.owner, command.session)
            case m.SetStart():
                live = self.session()
                live.session.set_start(self._sessions.start_spec(command.start))
                live.tell(picture=True)
            case m.Export():
                self._exports.begin(command, self.session())
            case m.CancelExport():
                self._exports.cancel(command.export)
            case ListModels() | DownloadModel() | StopDownload() | StopMeasuring():
                self._menu.handle(command, self)
            case FindFrame() | InvertPhoto() | PhotoAct():
                self._photos.handle(command, self)
            case TransferTo(more=False):
                self._transfer.begin(command, self.session())
            case TransferTo():
                self._transfer.more(command)
            case StopTransfer(close=close):
                (self._transfer.close if close else self._transfer.stop)()
            case KeepTransferred():
                self._transfer.keep(command)
            case ExportSessions():
                self._exports.begin_many(command, self._sessions.documents(self.owner, command.sessions))
            case _:
                super().do(command)

    def _send_sessions(self, command: m.Command) -> None:
        self.send(m.Sessions(id=command.id, sessions=self._sessions.listing(self.owner)))

    def _send_notices(self) -> None:
        """Send what was lost of damaged sessions, if anything was."""
        try:
            notices = self._sessions.notices(self.owner)
        except DraglabError:
            # The sessions cannot be read at all: an error was sent already.
            return
        for notice in notices:
            self.send(m.Error(message=notice))

    def show(self, live: LiveSession) -> None:
        super().show(live)
        self._photos.opened(live.session.document.id)
