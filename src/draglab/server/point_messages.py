"""The messages that change points, see messages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from draglab.server.message_parts import Count, Place, PointInput, Request


@dataclass(frozen=True, kw_only=True)
class AddPoint(Request):
    """One more point. One of the same id is replaced, so that it can be said again when the answer got lost.

    Changes of points say what changes and never list all points: what two hands, or a quick one, change at once cannot
    undo one another. A page that shows its changes before they are confirmed gives them ids and takes those off that
    the state has acknowledged.
    """

    type: Literal["add_point"] = "add_point"
    point: PointInput


@dataclass(frozen=True, kw_only=True)
class MovePoint(Request):
    """Change something of one point; None = as it is. no_target: take its target away. pin: hold it where it is.

    done: the gesture is over; only then the history gets an entry. While a round runs, targets move.
    """

    type: Literal["move_point"] = "move_point"
    point: Count
    handle: Place | None = None
    target: Place | None = None
    no_target: bool = False
    pin: bool | None = None
    done: bool = True


@dataclass(frozen=True, kw_only=True)
class RemovePoints(Request):
    """Take points away; None = all. Those that are gone already are no error."""

    type: Literal["remove_points"] = "remove_points"
    points: list[Count] | None = None


@dataclass(frozen=True, kw_only=True)
class SetPoints(Request):
    """All points at once, for programs: what another client has changed meanwhile is lost.

    done: the gesture is over; only then the history gets an entry. While a round runs, targets move.
    """

    type: Literal["set_points"] = "set_points"
    points: list[PointInput]
    done: bool
