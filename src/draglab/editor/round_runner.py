"""Runner of one round, shared by the command line, programs, the HTTP API and the editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from draglab.dragging import GAVE_UP, DragEdit, DragSettings, DragStep, advance, start_run
from draglab.generators import Generator
from draglab.media.edit_file import Retarget

EndReason = Literal["arrived", "stalled", "out_of_reach", "max_steps", "stopped", "diverged", "interrupted", "recorded"]
"""Reason why a round ended: a stop reason of draglab.dragging; "stopped" by a person; "interrupted" by the end of the
process; "recorded", after the number of steps in an edit file."""

_TEXTS: dict[EndReason, str] = {
    "arrived": "Arrived after {steps}.",
    "stalled": "Stopped: {closer}; {left}.{kept}",
    "out_of_reach": "Stopped after {steps}: this is as far as the picture goes without breaking; {left}.{kept}",
    "max_steps": "Stopped at the limit of {steps} (max_steps); {left}.{kept}",
    "stopped": "Stopped after {steps}; {left}.{kept}",
    "diverged": "Stopped after {steps}: the step size is too large for this image. Lower it in the settings.{kept}",
    "interrupted": "draglab was ended during this drag. It was kept up to where it was after {steps}.",
    "recorded": "Replayed {steps}, as recorded.",
}


def end_text(reason: EndReason, made: int, kept: int, distances: Sequence[float]) -> str:
    """Return sentences for a person: why a round ended, and which step is kept.

    Args:
        made: number of steps that were made. kept: number of the step that is kept.
        distances: distances of the dragged handles from their targets after that step, image pixels.
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
    """Runner of one round, a new one or one of an edit file.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.
        limit: number of steps that an edit file records; None = run until the round ends by itself.
        moves: moves of the targets that an edit file records. With both, arrival does not end the round before: a hand
            was down, for which steps go on.

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
        self.run = start_run(generator, w_plus, edit, settings)
        self.limit = limit
        self._moves = {move.after: move for move in moves}
        self._stopped = False

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return 0 if self.run.last is None else self.run.last.index

    @property
    def moved(self) -> Retarget | None:
        """Recorded move of the targets after the last step; None if there was none."""
        return self._moves.get(self.steps)

    def step(self) -> DragStep | None:
        """Make one step and any recorded move of the targets after it; None if the round diverged."""
        (step,) = advance([self.run])
        if step is not None and (move := self.moved) is not None:
            self.run.retarget(move.targets)
        elif self.limit is not None and self.run.stop_reason in GAVE_UP:
            # It was continued when it was recorded.
            self.run.go_on()
        return step

    def stop(self) -> None:
        """End the round after its last step."""
        self._stopped = True

    @property
    def end(self) -> EndReason | None:
        """Reason why the round has ended; None while it goes on."""
        reason = self.run.stop_reason
        over = self.limit is not None and self.steps >= self.limit
        if reason != "arrived" and over:
            return "recorded"
        if reason == "arrived" and self.limit is not None and self._moves and not over:
            return None
        if reason is None:
            return "stopped" if self._stopped else None
        return "stopped" if reason == "cancelled" else reason

    @property
    def kept(self) -> DragStep | None:
        """The step to keep at the end: the last one if the round arrived or was recorded, else the one that came
        closest; None = the start."""
        return self.run.last if self.end in ("arrived", "recorded") else self.run.best
