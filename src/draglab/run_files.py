"""What folders of long runs have in common: one writer at a time, and lines of JSON that survive a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from draglab.errors import DraglabError
from draglab.files import read_bytes, write_error

LOCK = ".lock"
CONFIG_LIMIT = 2**20
"""Largest configuration of a run, in bytes."""


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder during the block; the lock ends with its process.

    Raises:
        DraglabError: another process holds it, or it cannot be written.
    """
    lock = FileLock(path / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DraglabError(f"another process is working on {path}: wait for it, or choose another folder") from None
    except OSError as error:
        raise write_error(path, error) from None
    try:
        yield
    finally:
        lock.release()


def read_configuration(
    path: Path, format: str, version: int, fields: Mapping[str, type | tuple[type, ...]], command: str
) -> dict[str, Any]:
    """Read the configuration of a run.

    Args:
        format, version: what it must name; earlier versions are taken.
        fields: the types of what it must have besides. command: that writes it, for messages.

    Raises:
        DraglabError: it cannot be read, is damaged, of something else, or of a newer version.
    """
    try:
        content = json.loads(read_bytes(path, "configuration", CONFIG_LIMIT))
        known = content["format"] == format and isinstance(content["version"], int)
        known = known and all(isinstance(content[name], kind) for name, kind in fields.items())
    except (ValueError, KeyError, TypeError, RecursionError):
        known, content = False, {}
    if not known:
        raise DraglabError(f"{path} is damaged, or not of {command}: choose another folder")
    if content["version"] > version:
        raise DraglabError(f"{path.parent} was written by a newer draglab: upgrade it")
    return content


def remove_leftovers(*folders: Path) -> None:
    """Remove the temporary files of sessions that were killed."""
    for folder in folders:
        for each in folder.glob(".draglab-*.part"):
            with suppress(OSError):
                each.unlink()


def append_line(path: Path, content: Mapping[str, Any]) -> bytes:
    """Append an object to a file of lines; it is on disk when this returns.

    Returns:
        the line as it was written.

    Raises:
        DraglabError: it cannot be written.
    """
    data = (json.dumps(content, allow_nan=False) + "\n").encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise write_error(path, error) from None
    return data


def parse_line(raw: bytes, limit: int) -> dict[str, Any] | None:
    """Return the object of a line; None if it is damaged, or longer than `limit` bytes."""
    if len(raw) > limit:
        return None
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def bounded_lines(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield the lines of a file without their ends. Of one that is longer than `limit` bytes, the first limit + 1."""
    while raw := file.readline(limit + 2):
        line = raw.rstrip(b"\r\n")
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(2**16)
        yield line[: limit + 1]


def _write_all(descriptor: int, data: bytes) -> None:
    # One call, so that a line is not mixed with another; the rest only where a disk is full or a signal came.
    while data:
        data = data[os.write(descriptor, data) :]
