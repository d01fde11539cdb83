"""What programs send and get about photos, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from draglab.server.drag_messages import State

Stage = Literal["projection", "tuning", "finishing"]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The square of a photo that the model shows. x, y: centre, size: side, pixels of the photo; angle: degrees
    clockwise."""

    x: float
    y: float
    size: float
    angle: float


@dataclass(frozen=True, kw_only=True)
class PhotoStatus:
    """Status of a photo that is brought into a model.

    position: place among all waiting photos, 1 = the next to begin; None = it does not wait. width, height: of the
    photo, pixels. stage: None = none runs. step, total: of the stage. lpips: of the newest step; None = before the
    first. seconds_left: estimate; None = not known. figures, verdict: how near the result is, for people. notes:
    sentences on what was converted. error: reason why it has failed. created, ended: seconds since 1970.
    """

    id: str
    model: str
    name: str
    state: State
    position: int | None = None
    width: int
    height: int
    frame: Frame
    stage: Stage | None = None
    step: int = 0
    total: int = 0
    lpips: float | None = None
    seconds_left: float | None = None
    figures: str = ""
    verdict: str = ""
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    created: float = 0.0
    ended: float | None = None


@dataclass(frozen=True, kw_only=True)
class PhotoList:
    """A person's photos, the newest first."""

    photos: list[PhotoStatus]
