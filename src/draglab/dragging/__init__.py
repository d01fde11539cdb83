"""Dragging: motion supervision, point tracking, and the loop over both. No files, no printing."""

from draglab.dragging.algorithm import FirstOrderRun, drag, drag_steps, start_run
from draglab.dragging.batch import advance, drag_many
from draglab.dragging.features import Features
from draglab.dragging.gauss_newton import GaussNewtonRun
from draglab.dragging.latent import MakeOptimizer, Optimizer
from draglab.dragging.losses import LossTerm
from draglab.dragging.regions import region_edit, region_points
from draglab.dragging.run import DragRun, diverged
from draglab.dragging.settings import DragSettings
from draglab.dragging.texture import Texture
from draglab.dragging.tracking import PointTracker, TrackingQuery, track_nearest
from draglab.dragging.types import GAVE_UP, KEEPS_BEST, DragEdit, DragResult, DragStep, StopReason

__all__ = [
    "GAVE_UP",
    "KEEPS_BEST",
    "DragEdit",
    "DragResult",
    "DragRun",
    "DragSettings",
    "DragStep",
    "Features",
    "FirstOrderRun",
    "GaussNewtonRun",
    "LossTerm",
    "MakeOptimizer",
    "Optimizer",
    "PointTracker",
    "StopReason",
    "Texture",
    "TrackingQuery",
    "advance",
    "diverged",
    "drag",
    "drag_many",
    "drag_steps",
    "region_edit",
    "region_points",
    "start_run",
    "track_nearest",
]
