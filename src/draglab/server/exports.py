"""Exported files: kept in a temporary folder, downloaded once under a random address, then deleted."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from draglab.errors import DraglabError
from draglab.server.limits import Limits
from draglab.server.scratch import Scratch


@dataclass(frozen=True)
class Offer:
    """A file that can be downloaded.

    Attributes:
        name: name for the download. owner: the person who may download it. until: end of the offer, time.monotonic().
    """

    path: Path
    name: str
    owner: str | None
    until: float


class Exports:
    """The exported files of a server. Methods can be called from any thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._folder = Scratch()
        self._making: dict[Path, str | None] = {}
        self._stitched: set[Path] = set()
        """Those of them for which a model is tuned."""
        self._making_thread = ThreadPoolExecutor(1, thread_name_prefix="draglab-exporting")
        self._offers: dict[str, Offer] = {}

    @property
    def folder(self) -> Path:
        """Folder for other temporary files."""
        return self._folder.path

    def begin(self, owner: str | None, suffix: str, stitched: bool = False) -> Path:
        """Return a path to write a new file to.

        Args:
            stitched: whether a copy of a model is tuned for it.

        Raises:
            DraglabError: this person has too many files that are being made or wait to be downloaded, or too many
                are being stitched.
        """
        self.expire()
        with self._lock:
            waiting = [*self._making.values(), *(offer.owner for offer in self._offers.values())]
            if waiting.count(owner) >= self._limits.exports:
                raise DraglabError(
                    f"{self._limits.exports} files are waiting to be fetched (limit 'exports'): try later"
                )
            if stitched and len(self._stitched) >= self._limits.stitched:
                raise DraglabError(
                    f"{len(self._stitched)} photos are being blended here (limit 'stitched'): try again later"
                )
            path = self._folder.path / f"{secrets.token_hex(16)}.{suffix}"
            self._making[path] = owner
            if stitched:
                self._stitched.add(path)
            return path

    def make(self, steps: Iterator[float | None]) -> Future[None]:
        """Make the pieces of a file on a thread of its own, one file at a time."""

        def run() -> None:
            for _ in steps:
                pass

        return self._making_thread.submit(run)

    def give_up(self, path: Path) -> None:
        """Delete a file that will not be completed."""
        with self._lock:
            self._making.pop(path, None)
            self._stitched.discard(path)
        _delete(path)

    def offer(self, path: Path, name: str) -> str:
        """Offer a complete file, and return the address from which it can be downloaded once."""
        identifier = secrets.token_urlsafe(24)
        with self._lock:
            owner = self._making.pop(path)
            self._stitched.discard(path)
            self._offers[identifier] = Offer(path, name, owner, time.monotonic() + self._limits.export_seconds)
        return f"/exports/{identifier}"

    def take(self, identifier: str, owner: str | None) -> Offer | None:
        """Withdraw an offer to send its file with :func:`read`; None = there is none, or it is another person's."""
        self.expire()
        with self._lock:
            offer = self._offers.get(identifier)
            if offer is None or offer.owner != owner:
                return None
            return self._offers.pop(identifier)

    def expire(self) -> None:
        """Delete files that were not downloaded in time."""
        with self._lock:
            late = [key for key, offer in self._offers.items() if offer.until < time.monotonic()]
            for key in late:
                _delete(self._offers.pop(key).path)

    def close(self) -> None:
        """Delete all files."""
        self._folder.close()


def content_disposition(name: str) -> str:
    """Return the header with which browsers save a file under a name in any script (RFC 6266)."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\\\%' else "_" for char in name)
    if plain == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name.encode(errors='replace'), safe='')}"


def read(offer: Offer, chunk: int = 1 << 18) -> Generator[bytes, None, None]:
    """Yield a file in pieces; it is deleted at the end, also if the reader leaves early."""
    try:
        with offer.path.open("rb") as file:
            while data := file.read(chunk):
                yield data
    finally:
        _delete(offer.path)


def _delete(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
