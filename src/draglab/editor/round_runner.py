"""One round while it runs: the steps that the command line, programs, the HTTP API and the editor make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike
from torch import Tensor

from draglab.dragging import DragEdit, DragRun, DragSettings, DragStep, advance
from draglab.generators import Generator
from draglab.media.edit_file import Retarget

EndReason = Literal["arrived", "stalled", "max_steps", "stopped", "diverged", "interrupted", "recorded"]
"""Why a round ended: as draglab.dragging says it; "stopped" by a person; "interrupted", because the process ended;
"recorded", after the number of steps in an edit file."""

_TEXTS: dict[EndReason, str] = {
    "arrived": "Arrived after {steps}.",
    "stalled": "Stopped: {closer}; {left}.{kept}",
    "max_steps": "Stopped at the limit of {steps} (max_steps); {left}.{kept}",
    "stopped": "Stopped after {steps}; {left}.{kept}",
    "diverged": "Stopped after {steps}: the step size is too large for this image. Lower it in the settings.{kept}",
    "interrupted": "draglab was ended during this drag. It was kept up to where it was after {steps}.",
    "recorded": "Replayed {steps}, as recorded.",
}


def end_text(reason: EndReason, made: int, kept: int, distances: Sequence[float]) -> str:
    """Why a round ended and what of it is kept, for a person.

    Args:
        made: how many steps were made. kept: the step that is kept.
        distances: of the handles that were dragged, in what is kept, image pixels.
    """
    steps = "1 step" if made == 1 else f"{made} steps"
    one = len(distances) == 1
    return _TEXTS[reason].format(
        steps=steps,
        closer="the point no longer moves closer" if one else "the points no longer move closer",
        left=_left(sum(distances) / max(len(distances), 1)) + ("" if one else " on average"),
        kept="" if kept == made else f" Step {kept} of {made} is kept.",
    )


def _left(distance: float) -> str:
    text = f"{distance:.0f}" if distance >= 9.95 else f"{distance:.1f}"
    return "1 px is left" if text == "1.0" else f"{text} px are left"


class RoundRunner:
    """Makes the steps of one round, a new one or one of an edit file.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.
        limit: how many steps an edit file has for it; None = until it ends by itself.
        moves: how the edit file moved its targets.

    Attributes:
        run: the drag.
    """

    def __init__(
        self,
        generator: Generator,
        w_plus: Tensor,
        edit: DragEdit,
        settings: DragSettings,
        limit: int | None = None,
        moves: Sequence[Retarget] = (),
    ):
        self.run = DragRun(generator, w_plus, edit, settings)
        self.limit = limit
        self._moves = {move.after: move for move in moves}
        self._stopped = False

    @property
    def steps(self) -> int:
        """How many have been made."""
        return 0 if self.run.last is None else self.run.last.index

    @property
    def moved(self) -> Retarget | None:
        """How the edit file moved the targets after the step made last, if it did."""
        return self._moves.get(self.steps)

    def step(self) -> DragStep | None:
        """Make one step, then move the targets if the edit file did; None if the round left the range of numbers."""
        (step,) = advance([self.run])
        if self.limit is not None and self.run.stop_reason == "stalled":
            # It was let go on when it was recorded.
            self.run.go_on()
        if step is not None and (move := self.moved) is not None:
            self.run.retarget(move.targets)
        return step

    def retarget(self, targets: ArrayLike) -> None:
        """Move the targets, see :meth:`DragRun.retarget`."""
        self.run.retarget(targets)

    def stop(self) -> None:
        """End the round after the step made last."""
        self._stopped = True

    @property
    def end(self) -> EndReason | None:
        """Why no step may follow, None if one may."""
        reason = self.run.stop_reason
        if reason != "arrived" and self.limit is not None and self.steps >= self.limit:
            return "recorded"
        if reason is None:
            return "stopped" if self._stopped else None
        return "stopped" if reason == "cancelled" else reason

    @property
    def kept(self) -> DragStep | None:
        """The step to keep at this end: the last one of a round that arrived or was recorded, else the one that came
        closest; None = the start."""
        return self.run.last if self.end in ("arrived", "recorded") else self.run.best
