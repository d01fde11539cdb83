"""Checks that a model's file is the published one, by its size and SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from draglab.errors import DraglabError
from draglab.public_models.catalogue import PublicModel
from draglab.public_models.folder import ModelFolder

Outcome = Literal["published", "remembered", "first"]
"""Result of a check: the published file; the same file as at the first download; a file seen for the first time."""


class WrongFile(DraglabError):
    """A file is not the published one."""


class _Record(BaseModel):
    """Record of the first download of a file whose publisher states no SHA-256."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)
    url: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def verify(model: PublicModel, folder: ModelFolder) -> Outcome:
    """Check a downloaded model against its SHA-256: the listed one, else that of its first download.

    Raises:
        DraglabError: it is missing, or is another file.
    """
    with folder.lock(model):
        return check(model, folder)


def check(model: PublicModel, folder: ModelFolder, arrived: Path | None = None) -> Outcome:
    """Check a model as :func:`verify` does, for a caller that holds the lock.

    If no SHA-256 is known, that of this file is recorded.

    Args:
        arrived: a complete download that does not have the model's name yet.

    Raises:
        WrongFile: it is another file. DraglabError: it cannot be read.
    """
    path = arrived or folder.file(model)
    again = "fetch it again by hand" if model.by_hand else f"draglab models pull {model.alias}"
    advice = f"draglab models remove {model.alias}, then {again}" if arrived is None else "not kept; pull again"
    subject = model.url if arrived else path
    try:
        size = path.stat().st_size
        if model.bytes not in (None, size):
            raise WrongFile(f"{subject} has {size} bytes, not the expected {model.bytes}; {advice}")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DraglabError(f"'{model.alias}' is not downloaded: there is no {path}") from None
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    remembered = folder.record(model)
    if model.sha256 is not None:
        expected, source = model.sha256, f"known from {model.sha256_from}"
    elif remembered.exists():
        expected, source = _read(remembered).sha256, f"of the first download, remembered in {remembered}"
    else:
        record = _Record(url=model.source, bytes=size, sha256=found)
        folder.write(remembered, record.model_dump_json(indent=2) + "\n")
        return "first"
    if found != expected:
        raise WrongFile(
            f"{subject} is not the expected file, it was changed or damaged: its SHA-256 is {found}, not {expected} "
            f"({source}); {advice}"
        )
    return "published" if model.sha256 is not None else "remembered"


def _read(path: Path) -> _Record:
    try:
        return _Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise DraglabError(f"{path} cannot be read: delete it if you trust the model's file beside it") from None
