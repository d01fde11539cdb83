"""A tracker of one's own (docs/extending.md)."""

import numpy as np
import torch
from torch import Tensor

import draglab
from draglab import DragEdit, DragSettings
from draglab.dragging import TrackingQuery, drag_steps, track_nearest
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])
SETTINGS = DragSettings(max_steps=4, patience=None)


def cautious(query: TrackingQuery) -> Tensor:
    """Go half the way to where the paper's tracker finds each handle."""
    before = torch.from_numpy(query.handles).to(query.features.values.device)
    return before.lerp(track_nearest(query), 0.5)


class Remembering:
    """Moves the templates towards what was found, in the manner of FreeDrag; one object for one drag."""

    def __init__(self) -> None:
        self.templates: Tensor | None = None

    def __call__(self, query: TrackingQuery) -> Tensor:
        start = query.templates if self.templates is None else self.templates
        self.templates = 0.9 * start + 0.1 * query.templates.roll(1, 0)
        return track_nearest(TrackingQuery(**{**vars(query), "templates": self.templates}))


def test_the_handles_are_where_the_tracker_says() -> None:
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    usual = next(drag_steps(generator, w_plus, EDIT, SETTINGS))
    half = next(drag_steps(generator, w_plus, EDIT, SETTINGS, tracker=cautious))
    start = np.array(EDIT.handles)
    np.testing.assert_allclose(half.handles - start, (usual.handles - start) / 2)
    # The first step is supervised at the start, wherever tracking then finds the handles.
    assert torch.equal(half.w_plus, usual.w_plus)


def test_a_tracker_may_remember() -> None:
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    tracker = Remembering()
    result = draglab.drag(generator, w_plus, EDIT, SETTINGS, tracker=tracker)
    assert result.steps == 4
    assert tracker.templates is not None
    assert not np.array_equal(result.handles, draglab.drag(generator, w_plus, EDIT, SETTINGS).handles)
