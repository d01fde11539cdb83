"""Drags of programs on disk, so that none is lost with the process.

A drag is one row: it is there before its request is answered, it says when the drag begins, and holds the result once
it has ended. With write-ahead logging, what was committed survives the end of the process, kill -9 included; a power
cut may lose the last seconds but damages nothing.
"""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.folders import make_private

logger = logging.getLogger("draglab.server")

FILE = "drags.sqlite3"
LOCK = "drags.lock"
SCHEMA_VERSION = 1
TRIES = 2
"""Number of times that a drag may be running when the server is killed: it is not begun again after that."""

_SCHEMA = f"""
CREATE TABLE drags (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    ended REAL,
    starts INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL,
    status TEXT NOT NULL,
    edit TEXT NOT NULL,
    w_plus BLOB,
    key TEXT
);
CREATE UNIQUE INDEX drags_by_key ON drags (owner, key) WHERE key IS NOT NULL;
CREATE INDEX drags_of_a_person ON drags (owner, number, state, bytes);
CREATE INDEX drags_by_state ON drags (state, number);
PRAGMA user_version = {SCHEMA_VERSION};
"""
_ENDED = "state IN ('finished', 'cancelled', 'failed')"


@dataclass(frozen=True)
class Pending:
    """A drag that waits, or ran when the last server ended. starts: number of times that it ran when one was killed."""

    id: str
    owner: str
    status: str
    starts: int


@dataclass(frozen=True)
class Sizes:
    """Number of ended drags, and bytes of all."""

    ended: int
    bytes: int


class DragStore:
    """The drags of one data folder. Can be used from any thread.

    Only one process at a time can have a folder's drags. Others, and those that cannot write there, keep theirs in
    memory, and say so in the log.

    Args:
        folder: created, for this user alone, if it is missing.

    Attributes:
        lasting: whether the drags survive the process.
    """

    def __init__(self, folder: Path) -> None:
        self._guard = threading.RLock()
        self._path = folder / FILE
        self._lock = FileLock(folder / LOCK, timeout=0, mode=0o600)
        self.lasting = True
        try:
            make_private(folder)
            self._lock.acquire()
            self._connection = self._open()
        except (OSError, Timeout, sqlite3.Error, DraglabError) as error:
            reason = "another draglab keeps its drags there" if isinstance(error, Timeout) else str(error)
            logger.warning("drags of programs are kept in memory only, and end with this process: %s", reason)
            self.lasting = False
            self._lock.release()
            self._connection = _connect(":memory:")
            self._connection.executescript(_SCHEMA)

    @staticmethod
    def exists(folder: Path) -> bool:
        """Return whether there is a file of drags in a folder."""
        return (folder / FILE).exists()

    def add(self, id: str, owner: str, status: str, edit: str, key: str | None = None) -> None:
        """Store a drag that waits; it is on disk when this returns.

        Args:
            key: what :meth:`keyed` finds it by; unique among the drags of a person.
        """
        with self._run() as run:
            run(
                "INSERT INTO drags (id, owner, state, created, bytes, status, edit, key) "
                "VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?)",
                (id, owner, time.time(), len(status) + len(edit), status, edit, key),
            )

    def keyed(self, owner: str, key: str) -> str | None:
        """Return the id of a person's drag that was added with this key; None if there is none."""
        with self._run() as run:
            row = run("SELECT id FROM drags WHERE owner = ? AND key = ?", (owner, key)).fetchone()
        return None if row is None else row[0]

    def begin(self, id: str) -> None:
        """Note that a drag runs from now on."""
        with self._run() as run:
            run("UPDATE drags SET state = 'running', starts = starts + 1 WHERE id = ?", (id,))

    def end(self, id: str, state: str, status: str, edit: str | None, w_plus: NDArray[np.float32] | None) -> None:
        """Store the result of a drag.

        Args:
            edit: the edit file of the result; None = it has none. w_plus: the result [num_ws, w_dim]; None likewise.
        """
        data = None if w_plus is None else _packed(w_plus)
        edit = edit or ""
        size = len(status) + len(edit) + len(data or b"")
        with self._run() as run:
            run(
                "UPDATE drags SET state = ?, ended = ?, status = ?, edit = ?, w_plus = ?, bytes = ? WHERE id = ?",
                (state, time.time(), status, edit, data, size, id),
            )

    def pending(self) -> list[Pending]:
        """Return the drags that have not ended, the oldest first; those that ran wait again."""
        with self._run() as run:
            rows = run(
                "SELECT id, owner, status, starts FROM drags WHERE state IN ('waiting', 'running') ORDER BY number"
            )
            found = [Pending(*row) for row in rows]
            run("UPDATE drags SET state = 'waiting' WHERE state = 'running'")
            return found

    def edit(self, id: str) -> str:
        """Return the edit file of a drag: of its result if it has ended, else the one to run."""
        with self._run() as run:
            return run("SELECT edit FROM drags WHERE id = ?", (id,)).fetchone()[0]

    def status(self, id: str, owner: str) -> str | None:
        """Return the status of a person's drag as it was stored last; None if there is no such drag."""
        with self._run() as run:
            row = run("SELECT status FROM drags WHERE id = ? AND owner = ?", (id, owner)).fetchone()
        return None if row is None else row[0]

    def w_plus(self, id: str) -> NDArray[np.float32] | None:
        """Return the result of a drag, [num_ws, w_dim]; None if it has none, or is no longer here."""
        with self._run() as run:
            row = run("SELECT w_plus FROM drags WHERE id = ?", (id,)).fetchone()
        return None if row is None or row[0] is None else _unpacked(row[0])

    def page(self, owner: str, states: list[str], before: str | None, count: int) -> list[str]:
        """Return the stored statuses of a person's drags, the newest first.

        Args:
            states: only drags in these. before: id of a drag; only older ones. count: of these, at most so many.
        """
        marks = ", ".join("?" * len(states))
        older = "" if before is None else "AND number < (SELECT number FROM drags WHERE id = ? AND owner = ?)"
        which = [] if before is None else [before, owner]
        with self._run() as run:
            rows = run(
                f"SELECT status FROM drags WHERE owner = ? AND state IN ({marks}) {older} ORDER BY number DESC LIMIT ?",
                (owner, *states, *which, count),
            ).fetchall()
        return [row[0] for row in rows]

    def sizes(self, owner: str | None = None) -> Sizes:
        """Return the sizes of a person's drags; None = of all."""
        where, which = ("", ()) if owner is None else ("WHERE owner = ?", (owner,))
        with self._run() as run:
            row = run(
                f"SELECT COALESCE(SUM({_ENDED}), 0), COALESCE(SUM(bytes), 0) FROM drags {where}", which
            ).fetchone()
        return Sizes(*row)

    def forget_oldest(self, owner: str | None = None, by_number: bool = False) -> bool:
        """Delete the oldest ended drag of a person and return whether there was one.

        Args:
            owner: None = the person whose ended drags take most room, or are most if `by_number`.
        """
        with self._run() as run:
            if owner is None:
                most = "COUNT(*)" if by_number else "SUM(bytes)"
                query = f"SELECT owner FROM drags WHERE {_ENDED} GROUP BY owner ORDER BY {most} DESC LIMIT 1"
                if (row := run(query).fetchone()) is None:
                    return False
                (owner,) = row
            query = f"SELECT MIN(number) FROM drags WHERE owner = ? AND {_ENDED}"
            return run(f"DELETE FROM drags WHERE number = ({query})", (owner,)).rowcount > 0

    def forget_ended_before(self, when: float) -> None:
        """Delete the drags that ended before a time, in seconds since 1970, and give the room of deleted ones back."""
        with self._run() as run:
            run(f"DELETE FROM drags WHERE {_ENDED} AND ended < ?", (when,))
        with self._run() as run:
            run("PRAGMA incremental_vacuum").fetchall()
            # Otherwise what was deleted would stay in the log beside the file.
            run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Put what runs back among what waits, as if it had not begun, and close the file."""
        with self._guard:
            with self._run() as run:
                run("UPDATE drags SET state = 'waiting', starts = starts - 1 WHERE state = 'running'")
            self._connection.close()
            self._lock.release()

    def _open(self) -> sqlite3.Connection:
        """Open the file; a damaged one is set aside.

        Raises:
            DraglabError: it was written by a newer draglab.
        """
        try:
            return self._prepared()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            aside = self._path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
            for suffix in ("-wal", "-shm", ""):
                if (part := Path(f"{self._path}{suffix}")).exists():
                    part.replace(f"{aside}{suffix}")
            logger.error("the drags of programs were damaged (%s) and are lost; the file is kept in %s", error, aside)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connect(self._path)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise DraglabError(
                    f"{self._path} was written by a newer draglab: upgrade this one, or give --data another folder"
                )
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            if version == 0:
                connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            connection.execute(
                "SELECT number, id, owner, state, starts, bytes, status, edit, key FROM drags LIMIT 1"
            ).fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _run(self) -> Iterator:
        """Give a function that runs a statement, all of them in one transaction.

        Raises:
            DraglabError: the disk is full, or the server is ending.
        """
        with self._guard:
            try:
                with self._connection:
                    yield self._connection.execute
            except sqlite3.IntegrityError:
                raise DraglabError("this key was sent twice at once: ask for the list of your drags") from None
            except sqlite3.ProgrammingError:
                raise DraglabError("draglab is ending: try again when it is back") from None
            except sqlite3.Error as error:
                raise DraglabError(
                    f"the drag cannot be kept: {error}; make room on the disk of the data folder, or give --data "
                    "another one"
                ) from None


def _connect(path: str | Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=5.0, check_same_thread=False)


def _packed(w_plus: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, w_plus, allow_pickle=False)
    return buffer.getvalue()


def _unpacked(data: bytes) -> NDArray[np.float32]:
    return np.load(io.BytesIO(data), allow_pickle=False)
