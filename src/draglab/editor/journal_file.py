"""The file that holds the sessions, and its repair when it is damaged.

A damaged file is set aside under another name, and whatever can still be read of it goes into a new one.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from draglab.editor.photo import PHOTOS
from draglab.editor.salvage import recover
from draglab.errors import DraglabError
from draglab.folders import CREDENTIALS, DATA, PROGRAMS, make_private

T = TypeVar("T")

FILE = "sessions.sqlite3"
PEOPLE = "people"
"""Folder, within a server's data folder, of the journals of other people."""
SCHEMA_VERSION = 1
NEWEST_VERSION = 100
"""Highest version that a newer draglab may have; a larger number means damage."""
ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors of a statement. SQLite's text about a damaged file can hold bytes of it, which Python fails to read."""
BUSY_SECONDS = 5.0
"""Seconds to wait for another process to finish writing."""

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


class JournalFile:
    """The file of a folder, and the connection to it.

    Args:
        folder: created, for this user alone, if it is missing.
        take_over: checks the sessions that were recovered from a damaged file, given the ids of all that it held, and
            returns a sentence on how many could be read.

    Attributes:
        connection: open after :meth:`open`; another one after a repair.
        notices: sentences for the owner of the sessions, kept until they are taken from the list.

    Raises:
        DraglabError: the folder cannot be written.
    """

    connection: sqlite3.Connection

    def __init__(self, folder: Path, take_over: Callable[[set[str]], str]) -> None:
        self.folder, self.take_over = folder, take_over
        self.path = folder / FILE
        self.notices: list[str] = []
        try:
            make_private(self.folder)
            tighten(self.folder)
            for path in self._files():
                if path.exists() and not path.is_file():
                    path.replace(f"{self.aside()}{path.name.removeprefix(FILE)}")
        except OSError as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def open(self) -> None:
        """Connect; a damaged file is set aside, and whatever can be read of it is recovered.

        Raises:
            DraglabError: the file cannot be written, or was written by a newer draglab (and stays as it is).
        """
        try:
            self._connect()
        except ERRORS as error:
            # The file could just be opened for writing: it is its header that says that it must not be written.
            read_only = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY
            if not (read_only or is_damage(error)):
                raise self._explain(error) from None
            self._rebuild()

    def _connect(self) -> None:
        try:
            # SQLite gives its files beside this one the same rights.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            for path in self._files():
                tighten(path)
        except OSError as error:
            raise self._unusable(error) from None
        # One thread at a time, but not always the same: a server creates the journal in one and uses it in another.
        self.connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self.connection.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            self._prepare()
        except (*ERRORS, DraglabError):
            self.connection.close()
            raise

    def _prepare(self) -> None:
        run = self.connection.execute
        version = run("PRAGMA user_version").fetchone()[0]
        if SCHEMA_VERSION < version <= NEWEST_VERSION:
            raise DraglabError(
                f"the saved sessions in {self.path} were written by a newer draglab (version {version}, this one reads "
                f"{SCHEMA_VERSION}): upgrade draglab, or set {DATA} to another folder"
            )
        # Gives the room of forgotten sessions back; it must be set before the first table is created.
        run("PRAGMA auto_vacuum = INCREMENTAL")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA secure_delete = ON")
        if version == 0:
            self.connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"there is no version {version}")
        run("SELECT id, created FROM sessions LIMIT 1").fetchone()
        run("SELECT session, number, kind, created, body FROM entries LIMIT 1").fetchone()
        run("SELECT session, node FROM thumbnails LIMIT 1").fetchone()

    def _rebuild(self) -> None:
        """Set the damaged file aside and recover whatever can be read of it."""
        aside = self.aside()
        try:
            for path in self._files():
                with suppress(FileNotFoundError):
                    path.replace(f"{aside}{path.name.removeprefix(FILE)}")
        except OSError as error:
            raise self._unusable(error) from None
        try:
            self._connect()
            saved = self.take_over(recover(aside, self.connection))
        except ERRORS as error:
            raise self._explain(error) from None
        self.notices.append(f"the saved sessions were damaged: {saved}; the damaged file is kept in {aside}")

    def mended(self, read: Callable[[], T]) -> T:
        """Call `read`; if it meets damage, repair the file and call it again."""
        try:
            return read()
        except ERRORS as error:
            if not is_damage(error):
                raise self._explain(error) from None
            self.connection.close()
            self._rebuild()
        with self.explained():
            return read()

    def _files(self) -> list[Path]:
        return [Path(f"{self.path}{suffix}") for suffix in ("-wal", "-shm", "")]

    def aside(self) -> Path:
        """Return a new name for a damaged file."""
        return self.folder / f"{FILE}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn errors of SQLite into DraglabErrors; damage is repaired first."""
        try:
            yield
        except ERRORS as error:
            if is_damage(error):
                self.connection.close()
                self._rebuild()
                raise DraglabError(f"{self.notices[-1]}; try again") from None
            raise self._explain(error) from None

    def _unusable(self, error: OSError) -> DraglabError:
        return DraglabError(f"cannot keep sessions in {self.folder}: {error.strerror}; set {DATA} to another folder")

    def _explain(self, error: sqlite3.Error | UnicodeDecodeError) -> DraglabError:
        if isinstance(error, sqlite3.IntegrityError):
            if "FOREIGN KEY" in str(error):
                return DraglabError("this session was forgotten: open another one, or start anew")
            return DraglabError("another draglab works on this session: close one of them, then open the session again")
        advice = f"make room, get the rights to, or set {DATA} to another folder"
        return DraglabError(f"cannot keep sessions in {self.path}: {error}; {advice}")


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Return whether an error comes from a damaged file, not from rights, room on the disk, or other processes."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if isinstance(error, sqlite3.OperationalError):
        # "no such table" and the like: our statements are right, so the schema must be wrong.
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError)


def tighten(path: Path) -> None:
    """Remove other users' rights to our file, or to a folder that holds nothing but sessions."""
    with suppress(OSError):
        own = (PEOPLE, PHOTOS, PROGRAMS, CREDENTIALS)
        if path.is_dir() and any(not each.name.startswith(FILE) and each.name not in own for each in path.iterdir()):
            return
        mode = path.stat().st_mode
        if mode & 0o077:
            path.chmod(mode & 0o700)
