"""Tokens of programs, with names and limits of their own, in a file that is read again whenever it changes.

The file holds hashes: who reads it learns no token.

    [tokens.render-farm]
    sha256 = "the SHA-256 of the token, 64 hexadecimal digits"
    limits = { drags_per_person = 4, drags_waiting_per_person = 200 }

    [tokens.monitoring]
    sha256 = "..."
    may = ["metrics"]

`draglab token NAME` makes a token and its entry.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from draglab.errors import DraglabError
from draglab.files import read_bytes
from draglab.problems import first_problem
from draglab.server.limits import Limits

FILE_BYTES = 2**20
TOKENS = 10_000
"""Largest size of the file, and number of tokens in it."""
LOOK_SECONDS = 1.0
"""Time between looks whether the file has changed."""
QUOTAS = (
    "drags_per_person",
    "drags_waiting_per_person",
    "drags_kept_per_person",
    "drag_bytes_per_person",
    "drag_steps",
    "drag_edit_bytes",
    "photo_jobs_waiting_per_person",
    "photos_kept_per_person",
    "event_streams_per_person",
    "points",
)
"""Names of the limits that a token can have of its own."""

Right = Literal["drags", "metrics"]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]

logger = logging.getLogger("draglab.server")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    may: Annotated[list[Right], Field(max_length=10)] = ["drags"]
    limits: dict[str, int | float] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
    tokens: Annotated[dict[Name, _Entry], Field(max_length=TOKENS)]


@dataclass(frozen=True)
class NamedToken:
    """A token of a file: its name, what it may be used for, and the limits of its drags."""

    name: str
    may: frozenset[Right]
    limits: Limits


class TokenFile:
    """The tokens of a file. Can be used from any thread.

    Args:
        limits: limits that hold where a token has none of its own.

    Raises:
        DraglabError: the file cannot be used. Later, a change that cannot be used is logged, and the tokens stay.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._state = self._stat()
        self._by_hash, self._by_name = self._read()

    def find(self, token: str) -> NamedToken | None:
        """Return the entry of a token; None if the file does not have it."""
        self._look()
        # A lookup of a hash: its time tells nothing about tokens.
        return self._by_hash.get(hash_of(token))

    def named(self, name: str) -> NamedToken | None:
        """Return the entry with this name; None if the file does not have it."""
        return self._by_name.get(name)

    def reload(self) -> None:
        """Read the file again, whether or not it has changed; if it cannot be used, log why and keep the tokens."""
        with self._lock:
            self._state = self._stat()
            try:
                self._by_hash, self._by_name = self._read()
                logger.info("the tokens were read again", extra={"facts": {"tokens": len(self._by_hash)}})
            except DraglabError as error:
                logger.error("the tokens stay as they were: %s", error)

    def _look(self) -> None:
        if (now := time.monotonic()) - self._looked >= LOOK_SECONDS:
            self._looked = now
            if self._stat() != self._state:
                self.reload()

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> tuple[dict[str, NamedToken], dict[str, NamedToken]]:
        data = read_bytes(self._path, "file of tokens", FILE_BYTES)
        try:
            found = _File.model_validate(tomllib.loads(data.decode()))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise DraglabError(f"the file of tokens {self._path} is not TOML: {error}".splitlines()[0]) from None
        except ValidationError as error:
            problem = first_problem(error)
            raise DraglabError(f"the file of tokens {self._path} cannot be used: {problem}") from None
        by_hash: dict[str, NamedToken] = {}
        for name, entry in found.tokens.items():
            try:
                limits = self._limits.changed([f"{key}={value}" for key, value in entry.limits.items()], QUOTAS)
            except DraglabError as error:
                raise DraglabError(f"the token {name} in {self._path} cannot be used: {error}") from None
            if entry.sha256 in by_hash:
                raise DraglabError(f"two tokens in {self._path} are the same: give each program its own")
            by_hash[entry.sha256] = NamedToken(name, frozenset(entry.may), limits)
        return by_hash, {each.name: each for each in by_hash.values()}


def hash_of(token: str) -> str:
    """Return the hash under which a token is kept. Tokens are random, so a fast hash without salt is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
