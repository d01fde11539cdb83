"""What programs send and get about drags, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from draglab.media.edit_file import PointPair, SeedStart, SettingValue, WPlusStart

State = Literal["waiting", "running", "finished", "cancelled", "failed"]
ENDED: frozenset[State] = frozenset({"finished", "cancelled", "failed"})
Format = Literal["png", "jpg", "webp"]
SETTINGS = "DragSettings"
"""Name of the schema of a drag's settings in the OpenAPI document."""
_STRICT = ConfigDict(defer_build=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """The image of a seed. model: None = the default model. start: as in an edit file."""

    __pydantic_config__ = _STRICT
    model: Annotated[str, Field(max_length=300)] | None = None
    start: SeedStart = field(default_factory=lambda: SeedStart(seed=0))
    format: Format = "png"


class SentPhotoStart(BaseModel):
    """A photo that was sent, by its id, once it is finished."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    photo: Annotated[str, Field(min_length=1, max_length=100)]


def _start_kind(value: Any) -> str:
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((name for name in ("photo", "w_plus") if name in given), "seed")


@dataclass(frozen=True, kw_only=True)
class DragRequest:
    """A drag. Fields are as in an edit file (docs/edit-files.md).

    model: None = the default model, or the photo's. start: also a photo, {"photo": id}. points: in image pixels. mask:
    base64 of a PNG, white = movable. settings: fields of draglab.DragSettings.
    """

    __pydantic_config__ = _STRICT
    model: Annotated[str, Field(max_length=300)] | None = None
    start: Annotated[
        Annotated[SeedStart, Tag("seed")]
        | Annotated[WPlusStart, Tag("w_plus")]
        | Annotated[SentPhotoStart, Tag("photo")],
        Discriminator(_start_kind),
    ]
    points: Annotated[list[PointPair], Field(min_length=1, max_length=10_000, fail_fast=True)]
    mask: str | None = None
    # Checked by read_settings, whose errors say more; generated clients get the fields from the schema.
    settings: Annotated[dict[str, SettingValue], Field(json_schema_extra={"x-schema": SETTINGS})] = field(
        default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class DragStatus:
    """Status of a drag.

    photo: id of the photo that is dragged; None = it is none. position: place among all waiting drags, 1 = the next to
    begin; None = it does not wait. round: number of the round that runs or ran last, from 1, and `rounds` their number:
    1, unless it is an edit file. handles, targets, distances: of that round, in image pixels. stop_reason: reason why
    the last round ended: arrived, stalled, out_of_reach, max_steps or stopped (cancelled). A drag that did not arrive
    keeps its best step, and `step` is the number of that one. error: reason why the drag failed. created, ended:
    seconds since 1970.
    """

    id: str
    model: str
    photo: str | None = None
    state: State
    position: int | None = None
    round: int = 1
    rounds: int = 1
    step: int = 0
    handles: list[list[float]] = field(default_factory=list)
    targets: list[list[float]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    mean_distance: float | None = None
    stop_reason: str | None = None
    error: str | None = None
    created: float = 0.0
    ended: float | None = None


@dataclass(frozen=True, kw_only=True)
class DragList:
    """A page of a person's drags, the newest first.

    waiting, running: number of this person's drags, on all pages. before: the parameter `before` of the next page;
    None = this is the last one.
    """

    drags: list[DragStatus]
    waiting: int
    running: int
    before: str | None = None
