"""What a client of the websocket asks of its session without changing it. Used on the worker's thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from draglab.errors import DraglabError
from draglab.server import help_messages as h
from draglab.server import messages as m
from draglab.server.exports import Exports
from draglab.server.file_names import export_name, safe
from draglab.server.inverter import Inverter
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.outbox import Outbox, Picture
from draglab.server.transfer_messages import ExportSessions
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from draglab.editor.document import Document
    from draglab.editor.named_edits import NamedPoints
    from draglab.editor.quality import HandleQuality


class Asker(Protocol):
    """A client that asks.

    Attributes:
        owner: the person, see Access.owner. outbox: receives the pictures for the client. height: height of the shown
            image, device pixels; 0 = the image's.
    """

    owner: str | None
    outbox: Outbox
    height: int

    def send(self, message: m.ServerMessage) -> None:
        """Put a message into the outbox."""
        ...


class Questions:
    """The questions of one client.

    Args:
        client: whom the answers are for. inverter: makes what tunes weights.
    """

    def __init__(self, client: Asker, worker: Worker, inverter: Inverter, exports: Exports, limits: Limits) -> None:
        self._client, self._worker, self._inverter = client, worker, inverter
        self._exports, self._limits = exports, limits
        self._making: list[_ExportTask] = []

    def answer(self, command: m.Command, live: LiveSession) -> None:
        """Answer a command that changes nothing in the session.

        Raises:
            DraglabError: it cannot be answered.
        """
        session = live.session
        match command:
            case h.CheckHandle():
                check = session.help.check_handle((command.x, command.y))
                # Not on the worker: its first answer for an image takes as long as many steps.
                self._worker.painter.wish((self._client, "check", command.id), lambda: self._check(command, check))
            case h.CheckLocality():
                from draglab.editor.held import held_map

                held = held_map(session.document, [(way.handle, way.target) for way in command.ways])
                self._client.send(h.Locality(id=command.id, held=None if held is None else held.tolist()))
            case h.RegionPoints():
                find = session.help.region_points(command.polygon, command.count)
                self._worker.painter.wish((self._client, "region", command.id), lambda: self._region(command, find))
            case h.ListNamedEdits():
                names = session.help.named_edits()
                self._worker.painter.wish((self._client, "named"), lambda: self._named_edits(command, names))
            case h.PlaceNamedEdit():
                place = session.help.named_points({command.name: command.strength})
                self._worker.painter.wish((self._client, "ways", command.id), lambda: self._ways(command, place))
            case m.Scrub():
                self._wish("scrub", command, live, command.node, command.frame)
            case m.Seeds():
                self._worker.withdraw(lambda key: key[:2] == (self._client, "seed"))
                self._client.outbox.discard_pictures({"seed"})
                for seed in command.seeds:
                    self._wish("seed", command, live, seed)
            case m.Export():
                self._export(command, live)
            case m.CancelExport():
                for task in self._making:
                    if task.command.id == command.export:
                        task.cancel()
            case m.Describe():
                from draglab.editor.descriptions import as_command, as_python

                found = (as_command if command.as_ == "command" else as_python)(session.document)
                self._client.send(m.Text(id=command.id, text=found.text, needs_edit_file=found.edit_file is not None))

    def _check(self, command: h.CheckHandle, check: Callable[[], HandleQuality]) -> None:
        """Answer a CheckHandle; called on the painter's thread."""
        try:
            quality = check()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        self._client.send(
            h.HandleQuality(
                id=command.id,
                x=command.x,
                y=command.y,
                distinctive=quality.distinctive,
                nearest=quality.nearest,
                score=quality.score,
            )
        )

    def _region(self, command: h.RegionPoints, find: Callable[[], NDArray[np.float64]]) -> None:
        """Answer a RegionPoints; called on the painter's thread."""
        try:
            points = find()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        self._client.send(h.Region(id=command.id, points=[(float(x), float(y)) for x, y in points]))

    def _named_edits(self, command: h.ListNamedEdits, names: Callable[[], list[str]]) -> None:
        """Answer a ListNamedEdits; called on the painter's thread, as a model's first answer takes an image."""
        from draglab.editor.named_edits import NAMED_EDITS

        edits = [h.NamedEditTitle(name=name, title=NAMED_EDITS[name].title) for name in names()]
        self._client.send(h.NamedEdits(id=command.id, edits=edits))

    def _ways(self, command: h.PlaceNamedEdit, place: Callable[[], NamedPoints]) -> None:
        """Answer a PlaceNamedEdit; called on the painter's thread."""
        try:
            points = place()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        pairs = zip(points.handles.tolist(), points.targets.tolist(), strict=True)
        ways = [h.Way(handle=(handle[0], handle[1]), target=(target[0], target[1])) for handle, target in pairs]
        self._client.send(h.Ways(id=command.id, ways=ways))

    def _wish(self, kind: m.PictureKind, command: m.Scrub | m.Seeds, live: LiveSession, *what: int) -> None:
        """Ask for a picture for this client alone."""

        def make() -> None:
            try:
                self._client.outbox.put_picture(self._picture(command, live, *what))
            except DraglabError as error:
                self._client.send(m.Error(id=command.id, message=str(error)))

        urgent = kind == "scrub"
        self._worker.wish((self._client, kind) if urgent else (self._client, kind, *what), make, urgent)

    def _picture(self, command: m.Scrub | m.Seeds, live: LiveSession, *what: int) -> Picture:
        pictures = live.session.pictures
        match command:
            case m.Scrub(node=node, frame=frame):
                pixels = pictures.frame(node, frame, self._client.height or None)
                return Picture("scrub", pixels, node=node, frame=frame)
            case m.Seeds(truncation_psi=psi, height=height):
                height = min(height, self._limits.picture_height)
                return Picture("seed", pictures.of_seed(what[0], psi, height), seed=what[0])

    def _export(self, command: m.Export, live: LiveSession) -> None:
        from draglab.editor.export import export

        path = self._exports.begin(self._client.owner, command.kind, command.stitch)
        name = export_name(live.session.view(), command.kind, command.scope)
        try:
            steps = export(live.session.document, command.kind, command.scope, path, command.stitch)
        except Exception:
            self._exports.give_up(path)
            raise
        if command.scope == "photo" and not command.stitch:
            # A whole photo takes seconds: other people's steps go on meanwhile.
            steps = _Elsewhere(self._exports.make(steps))
        (self._inverter if command.stitch else self._worker).add(self._task(command, steps, path, name))

    def export_sessions(self, command: ExportSessions, documents: Sequence[Document]) -> None:
        """Answer an ExportSessions.

        Raises:
            NotYet: the model is being loaded.
            DraglabError: they are not of one model, or nothing was dragged in one.
        """
        from draglab.editor.export_many import export_many

        path = self._exports.begin(self._client.owner, "zip")
        try:
            steps = export_many(documents, path)
        except BaseException:
            self._exports.give_up(path)
            raise
        start = documents[0].history.start_of(documents[0].history.node)
        name = f"{safe(start.model) or 'draglab'}-{len(documents)}-images.zip"
        self._worker.add(self._task(command, steps, path, name))

    def _task(
        self, command: m.Export | ExportSessions, steps: Iterator[float | None], path: Path, name: str
    ) -> _ExportTask:
        task = _ExportTask(self._client, self._exports, command, steps, path, name)
        self._making = [each for each in self._making if not each.over] + [task]
        return task


class _Elsewhere:
    """The pieces of a file that is made on another thread: an iterator that raises NotYet until it is made."""

    def __init__(self, made: Future[None]) -> None:
        self._made = made

    def __iter__(self) -> _Elsewhere:
        return self

    def __next__(self) -> None:
        if not self._made.done():
            raise NotYet(self._made)
        self._made.result()
        raise StopIteration


class _ExportTask:
    """The making of a file, one piece in each step: a worker.Task. Attribute `over`: whether there are no more."""

    def __init__(
        self,
        client: Asker,
        exports: Exports,
        command: m.Export | ExportSessions,
        steps: Iterator[float | None],
        path: Path,
        name: str,
    ) -> None:
        self.command = command
        self._client, self._exports = client, exports
        self._steps, self._path, self._name = steps, path, name
        self._cancelled = self.over = False

    def cancel(self) -> None:
        """End after the current piece; from any thread."""
        self._cancelled = True

    def step(self) -> bool:
        try:
            share = next(self._steps)
            if self._cancelled:
                raise DraglabError("cancelled: no file was made")
            if not self._client.outbox.closed:
                if share is not None:
                    self._client.send(m.ExportProgress(export=self.command.id, share=share))
                return True
            # The client has left.
            self._give_up()
        except StopIteration:
            self._release()
            size, url = self._path.stat().st_size, self._exports.offer(self._path, self._name)
            self._client.send(m.ExportReady(id=self.command.id, url=url, name=self._name, bytes=size))
        except DraglabError as error:
            self.fail(error)
        return False

    def fail(self, error: Exception) -> None:
        self._give_up()
        what = str(error) if isinstance(error, DraglabError) else f"the export failed ({type(error).__name__})"
        self._client.send(m.Error(id=self.command.id, message=what))

    def _give_up(self) -> None:
        self._release()
        self._exports.give_up(self._path)

    def _release(self) -> None:
        """Give the memory of pixels and weights back."""
        self.over, self._steps = True, iter(())
