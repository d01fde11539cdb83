"""The edit of a page's image done to other seeds, as a task of the worker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal, Protocol

from draglab.errors import DraglabError
from draglab.server.limits import Limits
from draglab.server.messages import Error, ServerMessage
from draglab.server.outbox import Outbox, Picture
from draglab.server.sessions import Sessions
from draglab.server.transfer_messages import KeepTransferred, TransferBegun, TransferKept, TransferSeed, TransferTo
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.pictures import Shot
    from draglab.editor.transfer import EditTransfer
    from draglab.media.edit_file import EditFile
    from draglab.server.live_session import LiveSession

PAUSE = 0.05
"""Seconds between two looks whether a drag of the same person still runs."""


class Asker(Protocol):
    """A client. owner: the person, see Access.owner."""

    owner: str | None
    outbox: Outbox

    def send(self, message: ServerMessage) -> None:
        """Put a message into the outbox."""
        ...


class TransferTask:
    """The transfer of one client: a worker.Task. Drags of the same person come first: it rests while one runs.

    Results are edit files. One that is kept becomes a session, which makes its rounds again, as an uploaded edit file
    does.
    """

    def __init__(self, client: Asker, worker: Worker, sessions: Sessions, limits: Limits) -> None:
        self._client, self._worker, self._sessions, self._limits = client, worker, sessions, limits
        self._open: Callable[[], EditTransfer] | None = None
        """Opens the transfer of the present edit; None = there is none."""
        self._transfer: EditTransfer | None = None
        """Held while seeds wait, with its generators."""
        self._seeds: deque[int] = deque()
        self._keeps: deque[tuple[KeepTransferred, EditFile]] = deque()
        self._results: dict[int, EditFile] = {}
        self._seed: int | None = None
        """The seed that is being made; None = none, or a session is."""
        self._job: Iterator[None] | None = None
        self._height = 0
        self._name = ""

    def begin(self, command: TransferTo, live: LiveSession) -> None:
        """Begin with the edit of a session's current image.

        Raises:
            NotYet: the model is being loaded.
            DraglabError: there is no edit yet, or a drag runs.
        """
        from draglab.editor.transfer import EditTransfer, SourceEdit

        if live.session.rounds.running:
            raise DraglabError("a drag is running: stop it, or wait for its end")
        document = live.session.document
        source = SourceEdit.from_document(document)
        node = document.history.node
        photo = document.photo(document.history.start_of(node))

        def open_transfer() -> EditTransfer:
            generator = document.generator_of(source.edit.model.name)
            own = None if photo is None else document.generator_of(photo)
            return EditTransfer(source, generator, own=own)

        self.close()
        self._open, self._name = open_transfer, document.history.name
        self.more(command)

    def more(self, command: TransferTo) -> None:
        """Go on with further seeds.

        Raises:
            DraglabError: nothing was begun, or there are too many results.
        """
        if self._open is None:
            raise DraglabError("there is no edit to go on with: begin again")
        known = {*self._results, *self._seeds, self._seed}
        seeds = [seed for seed in dict.fromkeys(command.seeds) if seed not in known]
        most = self._limits.transfer_results
        if len(self._results) + len(self._seeds) + len(seeds) > most:
            raise DraglabError(
                f"there are {most} results (limit 'transfer_results'): keep what you like, then begin again"
            )
        self._height = min(command.height, self._limits.picture_height)
        self._seeds.extend(seeds)
        self._client.send(TransferBegun(id=command.id))
        self._worker.add(self)

    def keep(self, command: KeepTransferred) -> None:
        """Make a session of a result, before further seeds.

        Raises:
            DraglabError: there is no such result.
        """
        if (edit := self._results.get(command.seed)) is None:
            raise DraglabError(f"there is no result for seed {command.seed} any more: do it again")
        self._keeps.append((command, edit))
        self._worker.add(self)

    def stop(self) -> None:
        """End after the current step. Sessions that are to be made still are."""
        self._seeds.clear()
        if self._seed is not None:
            self._seed = self._job = None
        self._worker.painter.withdraw(lambda key: key[0] is self and key[1] not in self._results)
        if self._job is None and not self._keeps:
            self._worker.remove(self)
            self._transfer = None

    def close(self) -> None:
        """End, and forget all results."""
        self._results = {}
        self._open = self._transfer = None
        self.stop()

    def step(self) -> bool:
        if self._sessions.running(self._client.owner):
            raise NotYet(Future(), time.monotonic() + PAUSE)
        if self._job is None and (job := self._next()) is None:
            self._transfer = None
            return False
        self._job = self._job or job
        try:
            next(self._job)
        except StopIteration:
            self._seed = self._job = None
        except DraglabError as error:
            self._failed(str(error))
        return True

    def fail(self, error: Exception) -> None:
        self._failed(f"this did not work ({type(error).__name__})")
        self._worker.add(self)

    def _failed(self, text: str) -> None:
        if self._seed is not None:
            self._tell(self._seed, "failed", text)
        self._seed = self._job = None

    def _next(self) -> Iterator[None] | None:
        """Return the next thing to do, in steps; None = there is none.

        Raises:
            NotYet: the model is being loaded.
        """
        if self._keeps:
            job = self._make_session(*self._keeps[0])
            self._keeps.popleft()
            return job
        if not self._seeds or self._open is None:
            return None
        self._transfer = self._transfer or self._open()
        self._seed = self._seeds.popleft()
        return self._make_result(self._transfer, self._seed)

    def _make_result(self, transfer: EditTransfer, seed: int) -> Iterator[None]:
        from draglab.editor.pictures import Shot
        from draglab.editor.start_latent import spec_of_start, start_latent

        self._tell(seed, "working")
        start, generator = transfer.start(seed), transfer.generator
        self._paint("before", seed, Shot(generator, start_latent(spec_of_start(start, ""), generator)))
        yield
        made = yield from transfer.steps(start)
        if made.edit is None or made.w_plus is None:
            self._tell(seed, "skipped", made.skipped or "")
            return
        self._results[seed] = made.edit
        self._paint("after", seed, Shot(generator, made.w_plus))

    def _make_session(self, command: KeepTransferred, edit: EditFile) -> Iterator[None]:
        owner = self._client.owner
        try:
            session = self._sessions.from_edit_file(owner, edit)
        except DraglabError as error:
            self._client.send(Error(id=command.id, message=str(error)))
            return iter(())
        live = self._sessions.open(owner, session)
        live.session.rename(f"{self._name}, seed {command.seed}" if self._name else f"Seed {command.seed}")
        self._client.send(TransferKept(id=command.id, seed=command.seed, session=session))

        def finish() -> Iterator[None]:
            # Called when its rounds are over, as no step is made while they run. The list of sessions shows it.
            live.session.pictures.thumbnail(live.session.document.history.node.latent_id)
            yield

        return finish()

    def _paint(self, kind: Literal["before", "after"], seed: int, shot: Shot) -> None:
        """Send a picture, and say that the result is there if it shows that."""
        results, height = self._results, self._height

        def paint() -> None:
            pixels = shot.image(height or None)
            # Not of an edit that is no longer the present one.
            if self._results is results:
                self._client.outbox.put_picture(Picture(kind, pixels, seed=seed))
                if kind == "after":
                    self._tell(seed, "done")

        self._worker.painter.wish((self, seed, kind), paint)

    def _tell(self, seed: int, state: Literal["working", "done", "skipped", "failed"], text: str = "") -> None:
        self._client.send(TransferSeed(seed=seed, state=state, text=text))
