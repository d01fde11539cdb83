"""Sessions on disk: an append-only journal in SQLite, so that a crash loses nothing that was confirmed.

Every change of a session is one numbered entry, with JSON for the change and bytes for a latent or a mask. Applying the
entries in order gives the session (history.py). Entries are never changed; only :meth:`Journal.forget` removes them, a
whole session at a time. With write-ahead logging, what was committed survives the end of the process, kill -9 included;
a power cut may lose the last seconds but damages nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from draglab.editor.history import Entry
from draglab.editor.journal_file import JournalFile
from draglab.editor.photo import PHOTOS, photo_path
from draglab.editor.salvage import Row, sound_entries
from draglab.errors import DraglabError
from draglab.folders import data_folder
from draglab.inversion.photo_file import SUFFIX

MAX_BYTES = 2 * 2**30
"""Size of all sessions together, beyond which the least recently used ones are forgotten."""


@dataclass(frozen=True)
class SessionInfo:
    """Summary of a session, for lists.

    Attributes:
        name: name that the person gave it, "" = none yet. model: model of its last start.
        updated: time of the last change, seconds since 1970. rounds: number of drags. bytes: approximate size on disk.
        picture: number of the newest :meth:`Journal.thumbnail`, None if there is none.
    """

    id: str
    name: str
    model: str
    updated: float
    rounds: int
    bytes: int
    picture: int | None


class Journal:
    """All sessions of one data folder. To be used by one thread at a time.

    A damaged journal is set aside under another name, and whatever can be read of it is recovered; of a damaged
    session, its sound beginning. `file.notices` tell what was lost.

    Args:
        folder: None = :func:`draglab.folders.data_folder`; created, for this user alone, if it is missing.
        max_bytes: see MAX_BYTES.

    Attributes:
        file: the file that holds the sessions; close it at the end.

    Raises:
        DraglabError: the folder cannot be written, or the journal was written by a newer draglab (and stays as it is).
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._used: set[str] = set()
        self.file = JournalFile(data_folder() if folder is None else Path(folder).absolute(), self._take_over)
        self.file.open()

    def create(self) -> str:
        """Create an empty session and return its id."""
        self.trim()
        session = secrets.token_hex(8)
        with self.file.explained():
            self.file.connection.execute("INSERT INTO sessions VALUES (?, ?)", (session, time.time()))
        self._used.add(session)
        return session

    def append(self, session: str, number: int, kind: str, body: dict[str, Any], data: bytes | None = None) -> Entry:
        """Append an entry, which is on disk when this returns.

        Args:
            number: the next number, from 1; a number that is taken shows that another process works on the session.

        Raises:
            DraglabError: the entry cannot be written, the session was forgotten, or another process works on it.
        """
        entry = Entry(number, kind, body, time.time())
        with self.file.explained():
            self.file.connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
                (session, number, kind, entry.created, json.dumps(body), data),
            )
        return entry

    def entries(self, session: str) -> list[Entry]:
        """Return all entries of a session, in order. A damaged session is cut off before the damage.

        Raises:
            DraglabError: there is no such session.
        """
        found = self.file.mended(lambda: self._sound(session))
        if not found:
            raise DraglabError("this session is no longer there: open another one, or start anew")
        self._used.add(session)
        return found

    def data(self, session: str, number: int) -> bytes:
        """Return the data of an entry.

        Raises:
            DraglabError: there is no such entry, or it has no data.
        """
        with self.file.explained():
            row = self.file.connection.execute(
                "SELECT data FROM entries WHERE session = ? AND number = ?", (session, number)
            ).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise DraglabError("a part of this session is no longer there: open another one, or start anew")
        return row[0]

    def thumbnail(self, session: str, number: int) -> bytes | None:
        """Return the picture stored by :meth:`keep_thumbnail`, encoded; None if there is none."""
        with self.file.explained():
            row = self.file.connection.execute(
                "SELECT picture FROM thumbnails WHERE session = ? AND node = ?", (session, number)
            ).fetchone()
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def keep_thumbnail(self, session: str, number: int, picture: bytes) -> None:
        """Store the encoded picture of an entry's latent, in place of an earlier one."""
        with self.file.explained():
            self.file.connection.execute(
                "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (session, number, picture)
            )

    def sessions(self) -> list[SessionInfo]:
        """List the sessions that have at least one entry, the one changed last first."""
        return self.file.mended(self._list)

    def forget(self, session: str) -> None:
        """Remove a session from the disk, with its photo."""
        photos = self._photos(session)
        with self.file.explained():
            self.file.connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
            self.file.connection.execute("PRAGMA incremental_vacuum")
            # Otherwise the removed data would stay in the log beside the file, as it does while another process reads.
            self.file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._used.discard(session)
        for path in photos:
            path.unlink(missing_ok=True)

    def trim(self) -> None:
        """Forget least recently used sessions until all fit `max_bytes`, but none that this process has opened."""
        with self.file.explained():
            others = [info.id for info in self.sessions() if info.id not in self._used] if self._too_large() else []
        while others and self._too_large():
            self.forget(others.pop())

    def _too_large(self) -> bool:
        pages, free, size = (
            self.file.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        photos = sum(path.stat().st_size for path in (self.file.folder / PHOTOS).glob(f"*{SUFFIX}"))
        return (pages - free) * size + photos > self.max_bytes

    def _photos(self, session: str) -> list[Path]:
        """Return the files of a session's photos, which no other session has."""
        with self.file.explained():
            rows = self.file.connection.execute(
                "SELECT body FROM entries WHERE session = ? AND kind = 'start'", (session,)
            ).fetchall()
        found = []
        for (body,) in rows:
            try:
                file = json.loads(body)["spec"]["photo"]["file"]
            except (TypeError, ValueError, LookupError, RecursionError):
                continue
            if isinstance(file, str) and file.isalnum():
                found.append(photo_path(self.file.folder, file))
        return found

    def _list(self) -> list[SessionInfo]:
        rows = self.file.connection.execute(
            "SELECT session, MAX(CASE WHEN kind = 'name' THEN 0 ELSE created END), SUM(kind = 'round'), "
            "SUM(LENGTH(body) + COALESCE(LENGTH(data), 0)) FROM entries GROUP BY session"
        ).fetchall()
        found = []
        for session, updated, rounds, size in rows:
            model = self._model(session)
            if isinstance(session, str) and model is not None and isinstance(updated, int | float):
                found.append(self._info(session, model, updated, rounds or 0, size or 0))
            elif isinstance(session, str) and (entries := self._sound(session)):
                # The session was damaged and has been cut off before the damage.
                rounds = sum(entry.kind == "round" for entry in entries)
                model = self._model(session) or ""
                found.append(self._info(session, model, entries[-1].created, rounds, size or 0))
        return sorted(found, key=lambda info: info.updated, reverse=True)

    def _info(self, session: str, model: str, updated: float, rounds: int, size: int) -> SessionInfo:
        return SessionInfo(session, self._name(session), model, updated, rounds, size, self._last(session))

    def _model(self, session: Any) -> str | None:
        """Return the model of a session's last start; None if it cannot be read."""
        row = self.file.connection.execute(
            "SELECT body FROM entries WHERE session = ? AND kind = 'start' ORDER BY number DESC LIMIT 1", (session,)
        ).fetchone()
        try:
            model = json.loads(row[0])["spec"]["model"]
        except (TypeError, ValueError, LookupError, RecursionError):
            return None
        return model if isinstance(model, str) else None

    def _sound(self, session: str, keep: bool = True) -> list[Entry]:
        """Return a session's entries, after removing all from the first damaged one on.

        Args:
            keep: keep a copy of a damaged session beside the journal, and add a notice.
        """
        run = self.file.connection.execute
        rows = run(
            "SELECT rowid, number, kind, body, created, CASE typeof(data) WHEN 'blob' THEN LENGTH(data) END "
            "FROM entries WHERE session = ? ORDER BY number",
            (session,),
        ).fetchall()
        found = sound_entries(Row(*row) for row in rows)
        if len(found) < len(rows):
            if keep:
                aside = self.file.aside()
                os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
                run("ATTACH ? AS aside", (str(aside),))
                try:
                    run("CREATE TABLE aside.entries AS SELECT * FROM main.entries WHERE session = ?", (session,))
                finally:
                    run("DETACH aside")
                what = "one saved session was damaged and is lost"
                if found:
                    what = "one saved session was damaged: it ends at an earlier step now"
                self.file.notices.append(f"{what}; a copy of the damaged one is kept in {aside}")
            self.file.connection.executemany(
                "DELETE FROM entries WHERE rowid = ?", [row[:1] for row in rows[len(found) :]]
            )
            run("DELETE FROM thumbnails WHERE session = ?", (session,))
        if found:
            run("INSERT OR IGNORE INTO sessions VALUES (?, ?)", (session, found[0].created))
        elif rows:
            run("DELETE FROM sessions WHERE id = ?", (session,))
        return found

    def _name(self, session: str) -> str:
        row = self.file.connection.execute(
            "SELECT body FROM entries WHERE session = ? AND kind = 'name' ORDER BY number DESC LIMIT 1", (session,)
        ).fetchone()
        try:
            name = json.loads(row[0])["name"]
        except (TypeError, ValueError, LookupError, RecursionError):
            return ""
        return name if isinstance(name, str) else ""

    def _last(self, session: str) -> int | None:
        row = self.file.connection.execute(
            "SELECT node FROM thumbnails WHERE session = ? ORDER BY node DESC LIMIT 1", (session,)
        ).fetchone()
        return row[0] if row is not None and isinstance(row[0], int) else None

    def _take_over(self, known: set[str]) -> str:
        """Check the sessions that were recovered from a damaged file; see :class:`JournalFile`."""
        count, delete = "SELECT COUNT(*) FROM entries WHERE session = ?", "DELETE FROM sessions WHERE id = ?"
        whole = shorter = 0
        for (session,) in self.file.connection.execute("SELECT id FROM sessions").fetchall():
            (before,) = self.file.connection.execute(count, (session,)).fetchone()
            after = len(self._sound(session, keep=False))
            whole += 0 < after == before
            shorter += 0 < after < before
            if not after:
                self.file.connection.execute(delete, (session,))
        lost = len(known) - whole - shorter
        return f"{whole} could be read, {shorter} end at an earlier step now, {lost} are lost"
