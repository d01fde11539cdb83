"""Messages of the help with points: questions about the shown image, and their answers; see messages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from draglab.server.message_parts import Coordinate, Count, Name, Part, Place, Request

CORNERS = 200
"""Largest number of corners of a region."""


@dataclass(frozen=True, kw_only=True)
class CheckHandle(Request):
    """Check whether a point can be tracked. Answered by HandleQuality."""

    type: Literal["check_handle"] = "check_handle"
    x: Coordinate
    y: Coordinate


@dataclass(frozen=True, kw_only=True)
class HandleQuality:
    """Answer to CheckHandle. nearest: the nearest place that can be tracked, or None."""

    type: Literal["handle_quality"] = "handle_quality"
    id: int | None
    x: float
    y: float
    distinctive: bool
    nearest: tuple[float, float] | None
    score: float


@dataclass(frozen=True, kw_only=True)
class Way(Part):
    """The way of a handle to its target; a pin has none: its target is its handle."""

    handle: Place
    target: Place


@dataclass(frozen=True, kw_only=True)
class CheckLocality(Request):
    """Ask what a drag of these handles would hold. Answered by Locality."""

    type: Literal["check_locality"] = "check_locality"
    ways: list[Way]


@dataclass(frozen=True, kw_only=True)
class Locality:
    """Answer to CheckLocality. held: how much each cell of the image is to stay, from 0 to 1, row by row.

    None: the drag holds nothing by itself, as with a mask or if the setting locality is 0.
    """

    type: Literal["locality"] = "locality"
    id: int | None
    held: list[list[float]] | None


@dataclass(frozen=True, kw_only=True)
class RegionPoints(Request):
    """Ask for points inside a polygon, well spread over what can be tracked there. Answered by Region.

    count: at most so many.
    """

    type: Literal["region_points"] = "region_points"
    polygon: list[Place]
    count: Annotated[Count, Field(ge=1, le=100)]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Answer to RegionPoints."""

    type: Literal["region"] = "region"
    id: int | None
    points: list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class ListNamedEdits(Request):
    """Ask which named edits there are for the session's model. Answered by NamedEdits."""

    type: Literal["list_named_edits"] = "list_named_edits"


@dataclass(frozen=True, kw_only=True)
class NamedEditTitle:
    """A named edit. title: for a button."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class NamedEdits:
    """Answer to ListNamedEdits. edits: none if there is no detector of the model's faces, or it shows none."""

    type: Literal["named_edits"] = "named_edits"
    id: int | None
    edits: list[NamedEditTitle]


@dataclass(frozen=True, kw_only=True)
class PlaceNamedEdit(Request):
    """Ask for the handles and targets of a named edit on the shown image; points stay as they are. Answered by Ways.

    strength: 1 = as defined; below 0 the opposite.
    """

    type: Literal["place_named_edit"] = "place_named_edit"
    name: Name
    strength: Annotated[float, Field(ge=-10, le=10)] = 1.0


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Answer to PlaceNamedEdit. ways: of each handle, pins included."""

    type: Literal["ways"] = "ways"
    id: int | None
    ways: list[Way]


HelpQuestion = CheckHandle | CheckLocality | RegionPoints | ListNamedEdits | PlaceNamedEdit
HelpAnswer = HandleQuality | Locality | Region | NamedEdits | Ways
