"""Dragging: motion supervision, point tracking, and the loop over both. No files, no printing."""

from draglab.drag.edit import DragEdit
from draglab.drag.loop import drag, drag_many, drag_steps
from draglab.drag.result import DragResult
from draglab.drag.run import DragRun, DragStep, advance, diverged
from draglab.drag.settings import DragSettings

__all__ = [
    "DragEdit",
    "DragResult",
    "DragRun",
    "DragSettings",
    "DragStep",
    "advance",
    "diverged",
    "drag",
    "drag_many",
    "drag_steps",
]
