"""Evaluation of edits: fixed lists of drags, judged independently of the generator (draglab.perception)."""

from draglab.evaluation.drags import DragOutcome, FixedDrag, load_drags, run_drags, summarize, thin_drags

__all__ = [
    "DragOutcome",
    "FixedDrag",
    "load_drags",
    "run_drags",
    "summarize",
    "thin_drags",
]
