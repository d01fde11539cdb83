"""The sessions in memory, by owner. Used on the worker's thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.folders import data_folder
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.loaded_models import LoadedModels
from draglab.server.messages import Start
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.document import Document
    from draglab.editor.journal import Journal, SessionInfo
    from draglab.editor.photo import PhotoStart
    from draglab.editor.session import EditingSession
    from draglab.editor.state import StartSpec
    from draglab.media.edit_file import EditFile

MAX_PICTURE = 2**53
"""Largest number of an entry."""


class Sessions:
    """The sessions in memory, and the journals in which they are stored, one for each person.

    Args:
        data: folder of the journals; None = :func:`draglab.folders.data_folder`.
    """

    def __init__(
        self, library: Library, loaded: LoadedModels, worker: Worker, limits: Limits, data: Path | None
    ) -> None:
        self._library = library
        self._generator_of = loaded.get
        self._worker = worker
        self._limits = limits
        self._data = data
        self._journals: OrderedDict[str | None, Journal] = OrderedDict()
        self._live: dict[tuple[str | None, str], LiveSession] = {}

    @property
    def count(self) -> int:
        """Number of sessions in memory; can be read from any thread."""
        return len(self._live)

    @property
    def pulling(self) -> int:
        """Number of sessions in which a hand is down that the image follows; can be read from any thread."""
        return sum(live.session.rounds.pulling for live in list(self._live.values()))

    def running(self, owner: str | None) -> bool:
        """Whether a drag runs in a session of this person."""
        return any(live.running and live.owner == owner for live in self._live.values())

    def listing(self, owner: str | None) -> list[SessionInfo]:
        """List the sessions of a person, the one changed last first."""
        return self._journal(owner).sessions()

    def notices(self, owner: str | None) -> list[str]:
        """Return sentences on damage to a person's saved sessions, each of them once."""
        journal = self._journal(owner)
        notices, journal.file.notices = journal.file.notices, []
        return notices

    def create(self, owner: str | None, start: Start | None) -> LiveSession:
        """Create a session.

        Raises:
            DraglabError: there is no such model or class, or too many sessions are in use.
        """
        from draglab.editor.session import EditingSession

        self._make_room(owner)
        spec = self.start_spec(start or Start(seed=self._library.first_seed(self._library.default)))
        return self._add(EditingSession.create(self._journal(owner), self._generator_of, spec), owner)

    def open(self, owner: str | None, session: str) -> LiveSession:
        """Return a session of this person, from memory or from the journal.

        Raises:
            DraglabError: there is no such session, its model is missing, or too many sessions are in use.
        """
        from draglab.editor.session import EditingSession

        if (owner, session) in self._live:
            return self._live[owner, session]
        self._make_room(owner)
        return self._add(EditingSession.open(self._journal(owner), self._generator_of, session), owner)

    def from_edit_file(self, owner: str | None, edit: EditFile) -> str:
        """Create a session that goes on where an edit file ends, and return its id.

        Raises:
            DraglabError: the model is missing or is another one, or too many sessions are in use.
        """
        from draglab.editor.session import EditingSession

        self._make_room(owner)
        # A file may name its model by a path: nothing outside the library is ever opened.
        model = self._library.name_of(edit.model.name)
        session = EditingSession.from_edit_file(self._journal(owner), self._generator_of, edit, model)
        self._add(session, owner).tell()
        return session.document.id

    def from_photo(self, owner: str | None, model: str, w_plus: NDArray[np.float32], photo: PhotoStart) -> str:
        """Create a session that starts from an inverted photo, and return its id; see EditingSession.from_photo.

        Raises:
            NotYet: the photo's model is being loaded.
            DraglabError: the model is missing or is another one, or too many sessions are in use.
        """
        from draglab.editor.session import EditingSession

        self._make_room(owner)
        session = EditingSession.from_photo(self._journal(owner), self._generator_of, model, w_plus, photo)
        self._add(session, owner)
        # The list of sessions shows it at once.
        session.pictures.thumbnail(session.document.history.node.latent_id)
        return session.document.id

    def documents(self, owner: str | None, sessions: Sequence[str]) -> list[Document]:
        """Return the documents of sessions of this person, without putting any of them into memory.

        Raises:
            DraglabError: there is no such session, or a drag runs in one.
        """
        from draglab.editor.document import Document

        found = []
        for session in sessions:
            if (live := self._live.get((owner, session))) is None:
                document = Document(self._journal(owner), session, self._generator_of)
                document.read()
            elif live.running:
                raise DraglabError("a drag still runs in one of them: wait for its end")
            else:
                document = live.session.document
            found.append(document)
        return found

    def heat_map(self, owner: str | None, session: str) -> Callable[[], NDArray[np.uint8]]:
        """Return a function, for any thread, that makes a picture of where a photo's inversion differs from it.

        Raises:
            NotYet: the photo's model is being loaded.
            DraglabError: there is no such session, or it shows no photo.
        """
        return self.open(owner, session).session.pictures.heat_map()

    def folder(self, owner: str | None) -> Path:
        """Return the folder of a person's journal."""
        return self._journal(owner).file.folder

    def rename(self, owner: str | None, session: str, name: str) -> None:
        """Name a session of this person, and tell its viewers.

        Raises:
            DraglabError: there is no such session, its model is missing, or too many sessions are in use.
        """
        live = self.open(owner, session)
        live.session.rename(name)
        live.tell()

    def thumbnail(self, owner: str | None, session: str, picture: int) -> Future[bytes | None]:
        """Return a small picture of a session of this person as a PNG, by its number.

        If it is not stored yet, it is made when there is time, but only for sessions in memory. None: the session does
        not show it, maybe not any more. The future raises a DraglabError if there is no such session.
        """
        found: Future[bytes | None] = Future()
        kept = self._journal(owner).thumbnail(session, picture) if picture <= MAX_PICTURE else None
        live = self._live.get((owner, session))
        if kept is not None:
            found.set_result(kept)
        elif live is None:
            found.set_exception(DraglabError("there is no such picture"))
        else:

            def make() -> None:
                if found.cancelled():
                    return
                made, problem = None, None
                try:
                    made = live.session.pictures.thumbnail(picture)
                except NotYet:
                    raise
                except Exception as error:
                    problem = error
                if not found.set_running_or_notify_cancel():
                    return
                if problem is None:
                    found.set_result(made)
                else:
                    found.set_exception(problem)

            self._worker.wish(("thumbnail", found), make, urgent=False)
        return found

    def forget(self, owner: str | None, session: str) -> None:
        """Delete a session of this person from memory and disk.

        Raises:
            DraglabError: the session is open or running, or there is none.
        """
        live = self._live.get((owner, session))
        if live is not None:
            if live.viewers or live.running:
                raise DraglabError("this session is open in another tab: close it there first")
            self._put_away(live)
        journal = self._journal(owner)
        if session not in [each.id for each in journal.sessions()]:
            raise DraglabError("there is no such session: it was forgotten already")
        journal.forget(session)

    def start_spec(self, start: Start) -> StartSpec:
        """Convert the start of a message to that of a session."""
        from draglab.editor.state import StartSpec, StyleMix

        return StartSpec(
            model=start.model or self._library.default,
            seed=start.seed,
            truncation_psi=start.truncation_psi,
            class_index=start.class_index,
            mix=None if start.mix is None else StyleMix(start.mix.seed, start.mix.first_layer),
        )

    def close(self) -> None:
        """End running rounds and close the journals."""
        for live in list(self._live.values()):
            self._put_away(live)
        for journal in self._journals.values():
            journal.file.close()

    def _add(self, session: EditingSession, owner: str | None) -> LiveSession:
        live = self._live[owner, session.document.id] = LiveSession(session, owner, self._worker)
        return live

    def _put_away(self, live: LiveSession) -> None:
        self._worker.remove(live)
        self._worker.withdraw(lambda key: key[0] is live)
        live.session.rounds.stop()
        del self._live[live.owner, live.session.document.id]

    def _make_room(self, owner: str | None) -> None:
        """Put away sessions without viewers, those unused for longest first, until there is room for one more."""
        for limit, mine in ((self._limits.sessions_per_client, True), (self._limits.sessions, False)):
            counted = [live for live in self._live.values() if not mine or live.owner == owner]
            unused = [live for live in counted if not live.viewers and not live.running]
            unused.sort(key=lambda live: live.used)
            for live in unused[: max(len(counted) + 1 - limit, 0)]:
                self._put_away(live)
            if len(counted) - len(unused) >= limit:
                name = "sessions_per_client" if mine else "sessions"
                raise DraglabError(f"{limit} sessions are open, which is the limit {name!a}: close one of them")

    def _journal(self, owner: str | None) -> Journal:
        if owner not in self._journals:
            from draglab.editor.journal import Journal
            from draglab.editor.journal_file import PEOPLE

            self._close_idle()
            folder = data_folder() if self._data is None else self._data
            self._journals[owner] = Journal(folder if owner is None else folder / PEOPLE / owner)
        self._journals.move_to_end(owner)
        return self._journals[owner]

    def _close_idle(self) -> None:
        """Close journals without a session in memory, least recently used first, until there is room for one more."""
        busy = {owner for owner, _ in self._live}
        idle = [owner for owner, journal in self._journals.items() if owner not in busy and not journal.file.notices]
        for owner in idle[: max(len(idle) + 1 - self._limits.journals, 0)]:
            self._journals.pop(owner).file.close()
