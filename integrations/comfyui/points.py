"""Points as text: lines "x,y:x,y" of a handle and its target, as `draglab drag --point` takes them, or "x,y": a pin."""

from __future__ import annotations

import re

from draglab.dragging import DragEdit
from draglab.errors import DraglabError

POINTS_TIP = (
    "A line for each point, in pixels of the picture from its top left corner. handle:target, as in 93,125:118,125, "
    "pulls what is at 93,125 to 118,125; a place alone, as in 60,200, holds it where it is. # begins a comment."
)
MOST = 100
NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
LINE = re.compile(rf"{NUMBER},{NUMBER}(?::{NUMBER},{NUMBER})?")


def read_points(text: str, mask: object = None) -> DragEdit:
    """Read points, with the mask of their drag.

    Raises:
        DraglabError: a line cannot be read, nothing is to be pulled, or there are too many points.
    """
    handles, targets = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise DraglabError(f"points, line {number}: {line[:60]!a} is not handle:target, as in 93,125:118,125")
        x, y, to_x, to_y = (None if part is None else float(part) for part in match.groups())
        handles.append((x, y))
        targets.append((x, y) if to_x is None else (to_x, to_y))
    if len(handles) > MOST:
        raise DraglabError(f"there are {len(handles)} points: give at most {MOST}")
    if handles == targets:
        raise DraglabError("no point is pulled: give a line handle:target, as in 93,125:118,125")
    return DragEdit(handles, targets, mask)  # pyright: ignore[reportArgumentType]
