"""Messages that change points; see messages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from draglab.server.message_parts import Count, Place, PointInput, Request


@dataclass(frozen=True, kw_only=True)
class AddPoint(Request):
    """Add a point, or replace the one with the same id, so that the message can be repeated if its answer was lost.

    Messages about points contain changes, never all points, so that changes made at the same time cannot undo each
    other. A page that shows its changes before they are confirmed gives them ids, and drops those that the state
    acknowledges.
    """

    type: Literal["add_point"] = "add_point"
    point: PointInput


@dataclass(frozen=True, kw_only=True)
class MovePoint(Request):
    """Change one point; None = unchanged.

    no_target: remove the target. pin: True = pin the point where it is, False = release it.
    done: the gesture is over; only then is an entry added to the history. While a round runs, targets move.
    """

    type: Literal["move_point"] = "move_point"
    point: Count
    handle: Place | None = None
    target: Place | None = None
    no_target: bool = False
    pin: bool | None = None
    done: bool = True


@dataclass(frozen=True, kw_only=True)
class Pull(Request):
    """Where points are being pulled to; the image follows, a step for each message or more, and waits when it is there.

    A pull is one entry of the history, made when the hand lets go. Points that do not rest are dragged on. Of messages
    that wait, the newest counts. take_back drops the pull. If something else ends it, the rest of its gesture is
    ignored.

    points: new points, or known ones, of which only id and target are used: one, or those of a region. gesture: another
    number for each pull.
    done: the hand lets go; the drag goes on until it ends by itself.
    """

    type: Literal["pull"] = "pull"
    points: Annotated[list[PointInput], Field(min_length=1)]
    gesture: Count
    done: bool = False


@dataclass(frozen=True, kw_only=True)
class RemovePoints(Request):
    """Remove points; None = all. Unknown points are ignored."""

    type: Literal["remove_points"] = "remove_points"
    points: list[Count] | None = None


@dataclass(frozen=True, kw_only=True)
class SetPoints(Request):
    """Set all points, for programs: changes that another client has made meanwhile are lost.

    done: the gesture is over; only then is an entry added to the history. While a round runs, targets move.
    """

    type: Literal["set_points"] = "set_points"
    points: list[PointInput]
    done: bool
