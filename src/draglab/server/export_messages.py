"""Messages of exports and of descriptions as programs; see messages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from draglab.server.message_parts import Count, Request


@dataclass(frozen=True, kw_only=True)
class Export(Request):
    """Export a file. Answered by ExportReady.

    scope: the image, the last round, all rounds of the branch, or the whole photo with the edit put back.
    kind: "draglab" = the photo with its latent and tuned weights. stitch: with the whole photo: whether the model is
    tuned until the edit fits the photo where they meet; ExportProgress says how far it is. mark: whether pictures and
    videos bear the visible mark; all do where Welcome.marks is true.
    """

    type: Literal["export"] = "export"
    kind: Literal["png", "jpg", "webp", "mp4", "gif", "json", "npz", "safetensors", "draglab"]
    scope: Literal["image", "round", "history", "photo"] = "image"
    stitch: bool = False
    mark: bool = False


@dataclass(frozen=True, kw_only=True)
class CancelExport(Request):
    """End an export, whose answer then is an Error. export: the id of its Export."""

    type: Literal["cancel_export"] = "cancel_export"
    export: Count


@dataclass(frozen=True, kw_only=True)
class Describe(Request):
    """Describe this edit as a command line or a Python program that repeats it. Answered by Text."""

    type: Literal["describe"] = "describe"
    # "as" is a keyword of Python.
    as_: Annotated[Literal["command", "python"], Field(alias="as")]


@dataclass(frozen=True, kw_only=True)
class ExportProgress:
    """How far an export is. export: the id of its Export. share: from 0 to 1."""

    type: Literal["export_progress"] = "export_progress"
    export: int | None
    share: float


@dataclass(frozen=True, kw_only=True)
class ExportReady:
    """Answer to Export. url: valid for one download within a time limit. bytes: size of the file."""

    type: Literal["export_ready"] = "export_ready"
    id: int | None
    url: str
    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Text:
    """Answer to Describe. needs_edit_file: the text expects edit.json, the export of kind "json"."""

    type: Literal["text"] = "text"
    id: int | None
    text: str
    needs_edit_file: bool
