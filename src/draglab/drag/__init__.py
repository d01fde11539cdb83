"""Dragging: motion supervision, point tracking, and the loop over both. No files, no printing."""

from draglab.drag.edit import DragEdit
from draglab.drag.loop import DragResult, DragStep, drag, drag_steps
from draglab.drag.settings import DragSettings

__all__ = ["DragEdit", "DragResult", "DragSettings", "DragStep", "drag", "drag_steps"]
