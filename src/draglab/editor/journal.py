"""Sessions on disk: an append-only journal in SQLite, so that a crash loses nothing that was answered.

Every change of a session is one numbered entry: what happened as JSON, and a latent or a mask as bytes. A session is
what its entries say when they are read in order (history.py). Entries are never changed; only :meth:`Journal.forget`
removes them, a whole session at a time. Write-ahead logging: what was committed survives the end of the process, kill
-9 included; a power cut may lose the last seconds and damages nothing.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from draglab.editor.data_folder import VARIABLE, data_folder
from draglab.errors import DraglabError

FILE = "sessions.sqlite3"
SCHEMA_VERSION = 1
MAX_BYTES = 2 * 2**30
"""Of all sessions together; beyond it the sessions unused for longest are forgotten."""
BUSY_SECONDS = 5.0
"""How long another process's write is waited for."""

_SCHEMA = f"""
CREATE TABLE sessions (id TEXT PRIMARY KEY, created REAL NOT NULL);
CREATE TABLE entries (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    created REAL NOT NULL,
    body TEXT NOT NULL,
    data BLOB,
    PRIMARY KEY (session, number)
);
CREATE INDEX entries_by_kind ON entries (session, kind, number);
CREATE TABLE thumbnails (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    node INTEGER NOT NULL,
    picture BLOB NOT NULL,
    PRIMARY KEY (session, node)
);
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True)
class Entry:
    """One change of a session; `number` counts from 1 within it, `created` is in seconds since 1970."""

    number: int
    kind: str
    body: dict[str, Any]
    created: float


@dataclass(frozen=True)
class SessionInfo:
    """A session of the list.

    Attributes:
        name: what the person calls it, "" = nothing yet. model: of its last start.
        updated: when something was made, seconds since 1970. rounds: how many drags. bytes: on disk, about.
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
    """All sessions of one data folder. Used by one thread at a time.

    Args:
        folder: None = :func:`draglab.editor.data_folder.data_folder`; made if it is missing.
        max_bytes: see MAX_BYTES.

    Raises:
        DraglabError: the folder cannot be written, or the journal is damaged (it is then moved aside, so that the next
            start works), or it was written by a newer draglab (it is left as it is).
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = data_folder() if folder is None else Path(folder).absolute()
        self.path = self.folder / FILE
        self.max_bytes = max_bytes
        self._used: set[str] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DraglabError(
                f"cannot keep sessions in {self.folder}: {error.strerror}; set {VARIABLE} to another folder"
            ) from None
        with self._explained():
            # Not one thread but one at a time: a server makes the journal in one thread and uses it in another.
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise self._explain(error) from None
            raise DraglabError(
                f"the saved sessions in {self.path} are damaged ({error}); they were moved to {self._set_aside()}: "
                "start again to go on without them"
            ) from None
        except DraglabError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def create(self) -> str:
        """A new, empty session's id."""
        self.trim()
        session = secrets.token_hex(8)
        with self._explained():
            self._connection.execute("INSERT INTO sessions VALUES (?, ?)", (session, time.time()))
        self._used.add(session)
        return session

    def append(self, session: str, number: int, kind: str, body: dict[str, Any], data: bytes | None = None) -> Entry:
        """Write an entry down; it is there for good when this returns.

        Args:
            number: the next one, from 1. Two processes that work on one session find out by it.

        Raises:
            DraglabError: it could not be written, the session was forgotten, or another process works on it.
        """
        entry = Entry(number, kind, body, time.time())
        with self._explained():
            self._connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
                (session, number, kind, entry.created, json.dumps(body), data),
            )
        return entry

    def entries(self, session: str) -> list[Entry]:
        """All of a session, in order.

        Raises:
            DraglabError: there is no such session.
        """
        with self._explained():
            rows = self._connection.execute(
                "SELECT number, kind, body, created FROM entries WHERE session = ? ORDER BY number", (session,)
            ).fetchall()
        if not rows:
            raise DraglabError("this session is no longer there: open another one, or start anew")
        self._used.add(session)
        return [Entry(number, kind, json.loads(body), created) for number, kind, body, created in rows]

    def data(self, session: str, number: int) -> bytes:
        """The bytes of an entry.

        Raises:
            DraglabError: there is no such entry, or it has none.
        """
        with self._explained():
            row = self._connection.execute(
                "SELECT data FROM entries WHERE session = ? AND number = ?", (session, number)
            ).fetchone()
        if row is None or row[0] is None:
            raise DraglabError("a part of this session is no longer there: open another one, or start anew")
        return row[0]

    def thumbnail(self, session: str, number: int) -> bytes | None:
        """An encoded picture kept by :meth:`keep_thumbnail`."""
        with self._explained():
            row = self._connection.execute(
                "SELECT picture FROM thumbnails WHERE session = ? AND node = ?", (session, number)
            ).fetchone()
        return None if row is None else row[0]

    def keep_thumbnail(self, session: str, number: int, picture: bytes) -> None:
        """Keep the encoded picture of the latent in an entry; it replaces the one that there was."""
        with self._explained():
            self._connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (session, number, picture))

    def sessions(self) -> list[SessionInfo]:
        """Those with at least one entry, the one changed last first."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT session, MAX(CASE WHEN kind = 'name' THEN 0 ELSE created END) AS updated, SUM(kind = 'round'), "
                "SUM(LENGTH(body) + COALESCE(LENGTH(data), 0)) FROM entries GROUP BY session ORDER BY updated DESC"
            ).fetchall()
            return [
                SessionInfo(
                    session, self._name(session), self._model(session), updated, rounds, size, self._last(session)
                )
                for session, updated, rounds, size in rows
            ]

    def forget(self, session: str) -> None:
        """Remove a session from the disk."""
        with self._explained():
            self._connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
            self._connection.execute("PRAGMA incremental_vacuum")
            # Otherwise what was removed would stay in the log beside the file. Another process that reads prevents it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._used.discard(session)

    def trim(self) -> None:
        """Forget the sessions unused for longest until all fit `max_bytes`; never one that this process has opened."""
        with self._explained():
            others = [info.id for info in self.sessions() if info.id not in self._used] if self._too_large() else []
        while others and self._too_large():
            self.forget(others.pop())

    def _too_large(self) -> bool:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size > self.max_bytes

    def _model(self, session: str) -> str:
        row = self._connection.execute(
            "SELECT body FROM entries WHERE session = ? AND kind = 'start' ORDER BY number DESC LIMIT 1", (session,)
        ).fetchone()
        return "" if row is None else json.loads(row[0])["spec"]["model"]

    def _name(self, session: str) -> str:
        row = self._connection.execute(
            "SELECT body FROM entries WHERE session = ? AND kind = 'name' ORDER BY number DESC LIMIT 1", (session,)
        ).fetchone()
        return "" if row is None else json.loads(row[0])["name"]

    def _last(self, session: str) -> int | None:
        row = self._connection.execute(
            "SELECT node FROM thumbnails WHERE session = ? ORDER BY node DESC LIMIT 1", (session,)
        ).fetchone()
        return None if row is None else row[0]

    def _prepare(self) -> None:
        run = self._connection.execute
        version = run("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise DraglabError(
                f"the saved sessions in {self.path} were written by a newer draglab (version {version}, this one reads "
                f"{SCHEMA_VERSION}): upgrade draglab, or set {VARIABLE} to another folder"
            )
        # Before the first table, or it has no effect: what is forgotten gives its room back.
        run("PRAGMA auto_vacuum = INCREMENTAL")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA secure_delete = ON")
        if version == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
        run("SELECT COUNT(*) FROM sessions, (SELECT 1 FROM entries LIMIT 1)").fetchone()

    def _set_aside(self) -> Path:
        """Gives the damaged file and what belongs to it another name; says which."""
        aside = self.path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").replace(f"{aside}{suffix}")
        return aside

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from None

    def _explain(self, error: sqlite3.Error) -> DraglabError:
        if isinstance(error, sqlite3.IntegrityError):
            if "FOREIGN KEY" in str(error):
                return DraglabError("this session was forgotten: open another one, or start anew")
            return DraglabError("another draglab works on this session: close one of them, then open the session again")
        if isinstance(error, sqlite3.OperationalError):
            advice = f"make room, get the rights to, or set {VARIABLE} to another folder"
            return DraglabError(f"cannot keep sessions in {self.path}: {error}; {advice}")
        return DraglabError(f"the saved sessions in {self.path} are damaged ({error}): move the file away, start again")
