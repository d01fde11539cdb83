"""Dragging: motion supervision, point tracking, and the loop over both. No files, no printing."""

from draglab.dragging.algorithm import DragRun, diverged, drag, drag_steps
from draglab.dragging.batch import advance, drag_many
from draglab.dragging.features import Features
from draglab.dragging.latent import MakeOptimizer, Optimizer
from draglab.dragging.losses import LossTerm
from draglab.dragging.settings import DragSettings
from draglab.dragging.tracking import PointTracker, TrackingQuery, track_nearest
from draglab.dragging.types import DragEdit, DragResult, DragStep, StopReason

__all__ = [
    "DragEdit",
    "DragResult",
    "DragRun",
    "DragSettings",
    "DragStep",
    "Features",
    "LossTerm",
    "MakeOptimizer",
    "Optimizer",
    "PointTracker",
    "StopReason",
    "TrackingQuery",
    "advance",
    "diverged",
    "drag",
    "drag_many",
    "drag_steps",
    "track_nearest",
]
