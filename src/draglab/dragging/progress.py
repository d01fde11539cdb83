"""Whether a round still comes closer to its targets, and what follows when it does not, or when it has arrived."""

from __future__ import annotations

import math
from dataclasses import replace

from draglab.dragging.types import DragStep

LEAST_PROGRESS = 0.1
"""The mean distance must shrink by this many image pixels for a step to count as progress."""
BACK_OFFS = 3
"""Times that a run goes back to its best step with half the step size before it only waits for its patience to end."""
SETTLING = (0.5, 0.05)
"""Step sizes of the first and the last step of settling, relative to those of the drag."""


class Progress:
    """How close a round has come, and when.

    Attributes:
        closest: mean distance, image pixels, that the last step which counts as progress reached. index: of that step.
        best: the step with the least mean distance; None before the first. least: that distance.
        back_offs: how often the round has gone back to it.
    """

    def __init__(self, distance: float, best: DragStep | None = None):
        self.closest, self.index = distance, 0 if best is None else best.index
        self.best, self.least = best, distance
        self.back_offs, self.waiting_since = 0, self.index

    def note(self, step: DragStep) -> None:
        """Take a step into account."""
        mean = step.left
        if mean < self.least or self.best is None:
            self.best, self.least = step, mean
        if mean < self.closest - LEAST_PROGRESS:
            self.closest, self.index, self.waiting_since = mean, step.index, step.index

    def has_stalled(self, index: int, patience: int | None) -> bool:
        """Whether nothing has come closer for `patience` steps before step `index`."""
        return patience is not None and index - self.index >= patience

    def backs_off(self, index: int, after: int | None) -> bool:
        """Whether to go on from the best step with half the step size: steps too large for what is left circle around
        the target. Counted, so to be asked once a step."""
        if after is None or index - self.waiting_since < after or self.back_offs == BACK_OFFS:
            return False
        self.back_offs, self.waiting_since = self.back_offs + 1, index
        return True


class Settling:
    """The end of a drag with a mask: steps that take back what has changed where the image is frozen, while the handles
    hold what they have reached. Of those that keep the handles arrived, the one with the smallest mask term counts.

    Args:
        steps: how many. arrived: the step before the first.

    Attributes:
        kept: the step that counts.
    """

    def __init__(self, steps: int, arrived: DragStep):
        self.steps, self.made = steps, 0
        self.kept, self.least = arrived, math.inf
        self.newest: DragStep | None = arrived

    @property
    def done(self) -> bool:
        """Whether all steps were made."""
        return self.made == self.steps

    @property
    def step_share(self) -> float:
        """Step size of the next step, relative to those of the drag."""
        first, last = SETTLING
        return first * (last / first) ** (self.made / max(self.steps - 1, 1))

    def take(self, step: DragStep, arrived: bool) -> DragStep:
        """What counts after another step.

        Args:
            step: the newest; its losses are those of the one before it. arrived: whether its handles still are.
        """
        if self.newest is not None and step.mask_loss < self.least:
            self.kept, self.least = self.newest, step.mask_loss
        self.newest = step if arrived else None
        self.made += 1
        return replace(
            self.kept, index=step.index, loss=step.loss, motion_loss=step.motion_loss, mask_loss=step.mask_loss
        )
