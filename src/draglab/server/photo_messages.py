"""The messages about photos: their frames, and the inversions that are under way; see messages.py.

A photo comes by POST /upload/photo, whose answer has its id; GET /photos/{id} is its picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from draglab.server.message_parts import Coordinate, Name, Part, Request

# Client to server.


@dataclass(frozen=True, kw_only=True)
class PhotoFrame(Part):
    """The square of a photo that a model is to show. x, y: centre, size: side, pixels of the photo; angle: degrees
    clockwise."""

    x: Coordinate
    y: Coordinate
    size: Annotated[float, Field(gt=0, le=1e6)]
    angle: Annotated[float, Field(ge=-3600, le=3600)]


@dataclass(frozen=True, kw_only=True)
class FindFrame(Request):
    """Look for the faces in a photo, for a model. Answered by FoundFrame."""

    type: Literal["find_frame"] = "find_frame"
    photo: Name
    model: Name


@dataclass(frozen=True, kw_only=True)
class InvertPhoto(Request):
    """Bring a photo into a model, in the background. Answered by PhotoBegun; PhotoWork says how far it is."""

    type: Literal["invert_photo"] = "invert_photo"
    photo: Name
    model: Name
    frame: PhotoFrame
    effort: Literal["fast", "default", "best"] = "default"


@dataclass(frozen=True, kw_only=True)
class PhotoAct(Request):
    """A command about a photo of PhotoWork.

    resume_photo: go on with one that is unfinished or has failed; answered by PhotoBegun. stop_photo: end after the
    current step, and keep the best so far. cancel_photo: end after the current step, and drop the photo.
    """

    type: Literal["resume_photo", "stop_photo", "cancel_photo"]
    photo: Name


PhotoCommand = FindFrame | InvertPhoto | PhotoAct


# Server to client.


@dataclass(frozen=True, kw_only=True)
class FoundFace:
    """A face in a photo. frame: what the model is to show of it. box: a square about the face itself."""

    frame: PhotoFrame
    box: PhotoFrame


@dataclass(frozen=True, kw_only=True)
class FoundFrame:
    """Answer to FindFrame. faces: those that were found, the largest first. frame: that of the first, or where there
    is none, the middle of the photo. text: what to do then. aspect: width of the model's images by their height."""

    type: Literal["found_frame"] = "found_frame"
    id: int | None
    photo: str
    model: str
    faces: list[FoundFace]
    frame: PhotoFrame
    aspect: float
    text: str


@dataclass(frozen=True, kw_only=True)
class PhotoBegun:
    """Answer to InvertPhoto and resume_photo."""

    type: Literal["photo_begun"] = "photo_begun"
    id: int | None
    photo: str


PhotoState = Literal["unfinished", "waiting", "projection", "tuning", "stopping", "finishing", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class PhotoView:
    """A photo that is being brought into a model.

    state: unfinished = the server ended meanwhile: it can go on. width: of the photo, pixels.
    step, total: of the stage. lpips: of the newest step; None = before the first.
    seconds_left: estimate, None = not known. error: why it has failed, "" = it has not.
    session: the session that shows it, once it is done.
    """

    photo: str
    name: str
    model: str
    state: PhotoState
    frame: PhotoFrame
    width: int
    step: int = 0
    total: int = 0
    lpips: float | None = None
    seconds_left: float | None = None
    error: str = ""
    session: str | None = None


@dataclass(frozen=True, kw_only=True)
class PhotoWork:
    """The photos of this person that are being brought into models; part of Welcome, and sent when it changes."""

    type: Literal["photo_work"] = "photo_work"
    photos: list[PhotoView]
