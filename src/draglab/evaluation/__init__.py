"""Evaluation of edits: fixed lists of drags, and judges that are independent of the generator."""

from draglab.evaluation.drags import DragOutcome, FixedDrag, load_drags, run_drags, summarize, thin_drags
from draglab.evaluation.landmarks import LandmarkNet, load_landmark_net

__all__ = [
    "DragOutcome",
    "FixedDrag",
    "LandmarkNet",
    "load_drags",
    "load_landmark_net",
    "run_drags",
    "summarize",
    "thin_drags",
]
