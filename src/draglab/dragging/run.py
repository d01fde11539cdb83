"""State and rules of a round that all methods share: handles, targets, progress, reasons to stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.dragging.features import Features
from draglab.dragging.latent import EditedLatent
from draglab.dragging.progress import Progress, SettlingPhase
from draglab.dragging.settings import DragSettings
from draglab.dragging.types import GAVE_UP, DragEdit, DragStep, StopReason
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import MIN_TRAVEL, Mask, validate_points


class DragRun(ABC):
    """One round of dragging; :meth:`step` makes its next step. :func:`draglab.dragging.start_run` chooses the method.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.

    Attributes:
        start: [n, 2] handles at the beginning. handles: [n, 2] current handles. targets: [n, 2]
        pinned: [n] bool, True for handles that hold their places; only the others decide whether the run has arrived.
        mask: what may move; None = everything.
        settings: the settings, with the method that was chosen: they repeat the run on any machine.
        stop_reason: reason why the run has ended, after which no step must be made; None while it goes on.
        last: the latest step, None before the first.
        reachable: see DragStep.

    Raises:
        DraglabError: see :func:`draglab.drag_steps`.
    """

    back_off: int | None
    """Number of steps without progress after which the run goes back to its best step; None = never."""
    reachable: NDArray[np.float64] | None = None
    patience: int | None
    """Number of steps without progress after which the run stops; None = never."""

    def __init__(self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings):
        self.generator, self.shape, self.settings = generator, generator.img_shape, settings
        self.start, self.targets, mask = edit.validated(*self.shape)
        if len(w_plus) != 1:
            raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")
        self.mask: Mask | None = None if mask is None or (mask == 1).all() else mask
        self.handles = self.start
        self.limit = settings.resolved_stop_distance(len(self.handles))
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        self.pinned = self.distances < MIN_TRAVEL
        self.progress = Progress(self._left())
        self.settling: SettlingPhase | None = None
        self.last: DragStep | None = None
        self.stop_reason: StopReason | None = "arrived" if self.within(self.limit) else None
        self.latent = EditedLatent(generator, w_plus.detach().clone(), settings)
        self.back_off, self.patience = settings.back_off, settings.patience

    @abstractmethod
    def attempt(self) -> DragStep | None:
        """Make one iteration; None if the optimisation diverged, in which case `stop_reason` is "diverged"."""

    def step(self) -> DragStep:
        """Make one iteration.

        Raises:
            DraglabError: the optimisation diverged to numbers that are not finite.
        """
        if (step := self.attempt()) is None:
            raise diverged(1 if self.last is None else self.last.index + 1)
        return step

    def conclude(
        self, features: Features, numbers: NDArray[np.float64], handles: NDArray[np.float64]
    ) -> DragStep | None:
        """Complete a step from its results.

        Args:
            features: features of the new latent.
            numbers: [4] total, motion and mask loss of the previous latent, L1 norm of the features near the handles.
            handles: [n, 2] tracked handles.

        Returns:
            the step; None if a number is not finite, so that the run has diverged.
        """
        if not np.isfinite(numbers).all():
            self.stop_reason = "diverged"
            return None
        self.features, self.handles = features, handles
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        arrived = self.within(self.limit)
        maps = features.maps
        step = DragStep(
            1 if self.last is None else self.last.index + 1,
            self.handles.copy(),
            self.targets,
            self.distances,
            self.pinned,
            *numbers[:3].tolist(),
            w_plus=self.latent.w_plus().detach(),
            stop_reason=None,
            _generator=self.generator,
            # Pictures are not made from features of lower precision.
            _features=None if maps is None or maps.top.dtype != self.generator.dtype else maps.detach(),
            reachable=self.reachable,
        )
        if self.settling is not None:
            step = self.settling.take(step, arrived)
        elif arrived and self.settles:
            self.settling = SettlingPhase(self.settle_steps, step)
        self.progress.note(step)
        self.stop_reason = self._reason_to_stop(step.index, arrived)
        self.last = step if self.stop_reason is None else replace(step, stop_reason=self.stop_reason)
        if self.settling is not None:
            self.set_step(self.settling.step_share)
        elif self.stop_reason is None and self.progress.backs_off(step.index, self.back_off):
            self._back_off()
        return self.last

    @property
    def settles(self) -> bool:
        """Whether steps follow arrival that take back what changed where the image is frozen."""
        return False

    @property
    def settle_steps(self) -> int:
        """Number of those steps."""
        return self.settings.settle_steps or 0

    @abstractmethod
    def set_step(self, share: float) -> None:
        """Set the size of the following steps to this share of the usual."""

    @abstractmethod
    def resume(self, share: float) -> None:
        """Go on from the latent and handles that were just set, with steps of this share of the usual size."""

    def _left(self) -> float:
        """Return the mean distance of the handles that move, image pixels."""
        return float(self.distances[~self.pinned].mean())

    def within(self, distance: float) -> bool:
        """Return whether the handles that move are this close to their targets, image pixels; pins do not count."""
        return bool((self.distances <= distance)[~self.pinned].all())

    def _reason_to_stop(self, index: int, arrived: bool) -> StopReason | None:
        spent = index - self.progress.begun >= self.settings.max_steps
        if self.settling is not None:
            return "arrived" if spent or self.settling.done else None
        if arrived:
            return "arrived"
        if self.progress.has_stalled(index, self.patience):
            return "stalled"
        return "max_steps" if spent else None

    def _back_off(self) -> None:
        best = self.progress.best
        assert best is not None
        self.latent.go_to(best.w_plus)
        self.handles, self.distances = best.handles.copy(), best.distances
        self.resume(0.5**self.progress.back_offs)

    @property
    def spent(self) -> bool:
        """Whether `max_steps` have been made since the targets last moved."""
        return self.last is not None and self.last.index - self.progress.begun >= self.settings.max_steps

    @property
    def best(self) -> DragStep | None:
        """The step to keep: the last one if the run arrived, else the one that came closest; None before the first."""
        return self.last if self.stop_reason == "arrived" or self.settling is not None else self.progress.best

    def go_on(self) -> None:
        """Continue a run that gave up from its last step, without patience, up to `max_steps`."""
        self.patience, self.settings = None, replace(self.settings, patience=None)
        if self.stop_reason in GAVE_UP:
            self.stop_reason = self._reason_to_stop(0 if self.last is None else self.last.index, arrived=False)

    def retarget(self, targets: ArrayLike) -> None:
        """Move the targets between two steps; the features of the round's start remain the reference.

        Progress and `max_steps` are counted anew from here: a run that had arrived, given up or made `max_steps` goes
        on, unless every handle is within the stop distance of its new target. A run that diverged stays ended.

        Args:
            targets: [n, 2] (x, y) image pixels, one for each handle.

        Raises:
            DraglabError: the number of targets differs from that of the handles, or a target is outside the image.
        """
        moved = validate_points(targets, *self.shape, name="target")
        if len(moved) != len(self.start):
            raise DraglabError(f"{len(self.start)} handles but {len(moved)} targets were given: every handle needs one")
        self.targets = moved
        self.distances = np.linalg.norm(moved - self.handles, axis=1)
        self.progress = Progress(self._left(), self.last)
        self.settling = None
        self.set_step(1.0)
        if self.stop_reason in (None, "arrived", "max_steps", *GAVE_UP):
            self.stop_reason = "arrived" if self.within(self.limit) else None


def diverged(step: int) -> DraglabError:
    """Return the error for a run that diverged at that step."""
    return DraglabError(f"the optimisation left the range of numbers at step {step}: lower step_size")
