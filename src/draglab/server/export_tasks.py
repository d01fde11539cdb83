"""The files that a client of the websocket asks for, made in pieces. Used on the worker's thread only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from draglab.errors import DraglabError
from draglab.server import messages as m
from draglab.server.exports import Exports
from draglab.server.file_names import export_name, safe
from draglab.server.inverter import Inverter
from draglab.server.live_session import LiveSession
from draglab.server.questions import Asker
from draglab.server.transfer_messages import ExportSessions
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.document import Document


class ExportTasks:
    """The exports of one client.

    Args:
        client: who is told how far they are. inverter: makes what tunes weights.
    """

    def __init__(self, client: Asker, worker: Worker, inverter: Inverter, exports: Exports) -> None:
        self._client, self._worker, self._inverter, self._exports = client, worker, inverter, exports
        self._making: list[_ExportTask] = []

    def cancel(self, export: int) -> None:
        """End the export whose command has this id, after its current piece."""
        for task in self._making:
            if task.command.id == export:
                task.cancel()

    def begin(self, command: m.Export, live: LiveSession) -> None:
        """Begin to make a file of a session.

        Raises:
            DraglabError: it cannot be made, or this person has too many files already.
        """
        from draglab.editor.export import export

        path = self._exports.begin(self._client.owner, command.kind, command.stitch)
        name = export_name(live.session.view(), command.kind, command.scope)
        try:
            steps = export(live.session.document, command.kind, command.scope, path, command.stitch, command.mark)
        except Exception:
            self._exports.give_up(path)
            raise
        if command.scope == "photo" and not command.stitch:
            # A whole photo takes seconds: other people's steps go on meanwhile.
            steps = _Elsewhere(self._exports.make(steps))
        (self._inverter if command.stitch else self._worker).add(self._task(command, steps, path, name))

    def begin_many(self, command: ExportSessions, documents: Sequence[Document]) -> None:
        """Begin to make a file of the images of several documents.

        Raises:
            NotYet: the model is being loaded.
            DraglabError: they are not of one model, or nothing was dragged in one.
        """
        from draglab.editor.export_many import export_many

        path = self._exports.begin(self._client.owner, "zip")
        try:
            steps = export_many(documents, path, command.mark)
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
