"""Progress of a round towards its targets: stalling, backing off, and settling after arrival."""

from __future__ import annotations

import math
from dataclasses import replace

from draglab.dragging.types import DragStep

LEAST_PROGRESS = 0.1
"""Decrease of the mean distance, image pixels, from which on a step counts as progress."""
BACK_OFFS = 3
"""Number of times that a run goes back to its best step and halves the step size; after that, only patience ends it."""
SETTLING = (0.5, 0.05)
"""Step sizes of the first and the last step of settling, relative to those of the drag."""


class Progress:
    """Record of how close a round has come to its targets.

    Attributes:
        begun: index of the step from which on the record counts.
        closest: mean distance, image pixels, after the last step that counted as progress. index: index of that step.
        best: the step with the smallest mean distance; None before the first. least: that distance.
        back_offs: number of times that the round has gone back to the best step.
    """

    def __init__(self, distance: float, best: DragStep | None = None):
        self.begun = 0 if best is None else best.index
        self.closest, self.index = distance, self.begun
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
        """Return whether there was no progress in the last `patience` steps up to step `index`."""
        return patience is not None and index - self.index >= patience

    def backs_off(self, index: int, after: int | None) -> bool:
        """Decide whether to go on from the best step with half the step size.

        Steps that are too large for the remaining distance circle around the target. Back-offs are counted, so this is
        to be called once a step.
        """
        if after is None or index - self.waiting_since < after or self.back_offs == BACK_OFFS:
            return False
        self.back_offs, self.waiting_since = self.back_offs + 1, index
        return True


class SettlingPhase:
    """Last phase of a drag with a mask: steps that undo changes of the frozen region while the handles hold still.

    Among the steps whose handles are still within the stop distance, the one with the smallest mask term is kept.

    Args:
        steps: number of settling steps. arrived: the step before the first of them.

    Attributes:
        kept: the step that is kept.
    """

    def __init__(self, steps: int, arrived: DragStep):
        self.steps, self.made = steps, 0
        self.kept, self.least = arrived, math.inf
        self.newest: DragStep | None = arrived

    @property
    def done(self) -> bool:
        """Whether all steps have been made."""
        return self.made == self.steps

    @property
    def step_share(self) -> float:
        """Size of the next step, relative to the step size of the drag."""
        first, last = SETTLING
        return first * (last / first) ** (self.made / max(self.steps - 1, 1))

    def take(self, step: DragStep, arrived: bool) -> DragStep:
        """Take another step into account and return the step that is kept, with the index and losses of this one.

        Args:
            step: the newest step; its losses are those of the previous latent. arrived: whether its handles are still
                within the stop distance.
        """
        if self.newest is not None and step.mask_loss < self.least:
            self.kept, self.least = self.newest, step.mask_loss
        self.newest = step if arrived else None
        self.made += 1
        return replace(
            self.kept, index=step.index, loss=step.loss, motion_loss=step.motion_loss, mask_loss=step.mask_loss
        )
