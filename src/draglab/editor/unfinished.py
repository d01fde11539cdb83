"""Photos whose inversion is not finished, on disk: what was opened, how it is to be inverted, and how far that is."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from draglab.editor.photo import PHOTOS, PhotoKind
from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically, write_error
from draglab.folders import make_private
from draglab.inversion.framing import Frame
from draglab.inversion.reading import FILE_LIMIT
from draglab.inversion.resume import ResumeFile
from draglab.inversion.settings import InversionSettings

Effort = Literal["fast", "default", "best"]
_SUFFIX = ".unfinished"
_PHOTO, _PLAN = "photo", "plan.json"
_PLAN_LIMIT = 1 << 16

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Plan(BaseModel):
    """How a photo is to be inverted.

    Attributes:
        name, kind, width: see PhotoStart. model: name of the model. x, y, size, angle: see Frame.
        effort: preset of settings. created: when it was begun, seconds since 1970.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    name: Annotated[str, Field(max_length=300)]
    kind: PhotoKind
    width: Annotated[int, Field(ge=1)]
    model: Annotated[str, Field(max_length=300)]
    x: Finite
    y: Finite
    size: Finite
    angle: Finite
    effort: Effort
    created: Finite = Field(default_factory=time.time)

    @property
    def frame(self) -> Frame:
        """The frame."""
        return Frame(self.x, self.y, self.size, self.angle)

    @property
    def settings(self) -> InversionSettings:
        """The settings."""
        presets = {"fast": InversionSettings.fast, "default": InversionSettings, "best": InversionSettings.best}
        return presets[self.effort]()


@dataclass(frozen=True)
class Unfinished:
    """One such photo.

    Attributes:
        folder: holds its files and nothing else.
    """

    folder: Path
    plan: Plan

    @classmethod
    def begin(cls, journal: Path, file: str, plan: Plan, photo: bytes) -> Unfinished:
        """Write a photo and its plan to disk.

        Args:
            journal: the journal's folder. file: name of the photo's file when it is finished, without suffix.

        Raises:
            DraglabError: it cannot be written.
        """
        folder = folder_of(journal, file)
        try:
            make_private(folder)
        except OSError as error:
            raise write_error(folder, error) from None
        with write_atomically(folder / _PHOTO) as temporary:
            temporary.write_bytes(photo)
        # The plan last: a folder without one is no unfinished photo.
        with write_atomically(folder / _PLAN) as temporary:
            temporary.write_text(plan.model_dump_json(), encoding="utf-8")
        return cls(folder, plan)

    @property
    def file(self) -> str:
        """Name of the photo's file when it is finished, without suffix."""
        return self.folder.name.removesuffix(_SUFFIX)

    def photo(self) -> bytes:
        """Return the bytes of the photo as it was opened.

        Raises:
            DraglabError: they are missing.
        """
        return read_bytes(self.folder / _PHOTO, "photo", FILE_LIMIT)

    def state(self) -> ResumeFile:
        """Return the file in which the inversion's state is kept."""
        return ResumeFile(self.folder / "result")

    def remove(self) -> None:
        """Remove it from the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(journal: Path, file: str) -> Path:
    """Return the folder of an unfinished photo, given the journal's."""
    return journal / PHOTOS / f"{file}{_SUFFIX}"


def list_unfinished(journal: Path) -> list[Unfinished]:
    """List the unfinished photos of a journal's folder, the newest first; damaged ones are left out."""
    found = []
    for folder in (journal / PHOTOS).glob(f"*{_SUFFIX}"):
        try:
            text = read_bytes(folder / _PLAN, "plan", _PLAN_LIMIT)
            found.append(Unfinished(folder, Plan.model_validate_json(text)))
        except (DraglabError, ValidationError):
            continue
    return sorted(found, key=lambda each: each.plan.created, reverse=True)
