"""Trackers of the literature, for comparison: each is made for one drag and finds its handles after every step."""

from __future__ import annotations

from collections.abc import Callable

from draglab.dragging import FirstOrderRun, PointTracker, track_nearest
from draglab.evaluation.trackers.flow import FlowTracker
from draglab.evaluation.trackers.forward import ForwardTracker
from draglab.evaluation.trackers.template import TemplateTracker
from draglab.evaluation.trackers.untracked import Untracked

TRACKERS: dict[str, Callable[[FirstOrderRun], PointTracker]] = {
    "nearest": lambda run: track_nearest,
    "flow": FlowTracker,
    "template": TemplateTracker,
    "forward-only": ForwardTracker,
    "none": Untracked,
}
"""Name -> what makes the tracker of a run, before its first step."""

__all__ = ["TRACKERS", "FlowTracker", "ForwardTracker", "TemplateTracker", "Untracked"]
