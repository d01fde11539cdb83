"""Photos of programs on disk: for each, a record beside its files, so that none is lost with the process."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from draglab.editor.photo import PHOTOS, photo_path
from draglab.editor.unfinished import Plan, Unfinished, folder_of
from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.media.edit_file import WPlusStart
from draglab.server.api_photo_messages import PhotoStatus

RECORD_BYTES = 2**22
"""Largest size of a record, whose latent is by far its largest part."""
_SUFFIX = ".json"

logger = logging.getLogger("draglab.server")


class PhotoRecord(BaseModel):
    """A photo of a program.

    Attributes:
        owner: the person. key: by which it is known when it is sent again; None = none. plan: how it is inverted.
        status: as it was when it was stored. start: latent of the photo; None = it is not finished.
        starts: number of times that it ran when a server was killed, with the present one. bytes: size on disk.
    """

    model_config = ConfigDict(extra="ignore")

    owner: str
    key: str | None = None
    plan: Plan
    status: PhotoStatus
    start: WPlusStart | None = None
    starts: Annotated[int, Field(ge=0)] = 0
    bytes: Annotated[int, Field(ge=0)] = 0

    def change(self, **changes: object) -> None:
        """Change fields of the status."""
        self.status = replace(self.status, **changes)  # pyright: ignore[reportArgumentType]


class PhotoStore:
    """The photos of one folder.

    Args:
        folder: holds them in a folder of photos, as a journal's does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> list[PhotoRecord]:
        """Return all records, the oldest first; damaged ones are logged and left out."""
        found = []
        for path in (self.folder / PHOTOS).glob(f"*{_SUFFIX}"):
            try:
                found.append(_RECORD.validate_json(read_bytes(path, "record of a photo", RECORD_BYTES)))
            except (DraglabError, ValidationError) as error:
                logger.error("a photo of a program cannot be read and is left out: %s", str(error).splitlines()[0])
        return sorted(found, key=lambda record: record.status.created)

    def keep(self, record: PhotoRecord) -> None:
        """Write a record.

        Raises:
            DraglabError: it cannot be written.
        """
        with write_atomically(self._path(record.status.id)) as temporary:
            temporary.write_bytes(_RECORD.dump_json(record))

    def unfinished(self, record: PhotoRecord) -> Unfinished:
        """Return the files of a photo that is not finished."""
        return Unfinished(folder_of(self.folder, record.status.id), record.plan)

    def file(self, id: str) -> Path:
        """Return the path of a photo's file when it is finished."""
        return photo_path(self.folder, id)

    def remove_files(self, record: PhotoRecord) -> None:
        """Remove all of a photo but its record."""
        self.unfinished(record).remove()
        self.file(record.status.id).unlink(missing_ok=True)

    def forget(self, record: PhotoRecord) -> None:
        """Remove a photo."""
        # The record first: without its files it would promise what is not there.
        self._path(record.status.id).unlink(missing_ok=True)
        self.remove_files(record)

    def _path(self, id: str) -> Path:
        return self.folder / PHOTOS / f"{id}{_SUFFIX}"


_RECORD: TypeAdapter[PhotoRecord] = TypeAdapter(PhotoRecord)
