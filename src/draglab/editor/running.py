"""A round while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from draglab.dragging import DragRun
from draglab.editor.state import EndReason
from draglab.media.edit_file import Retarget


@dataclass
class RunningRound:
    """A round while it runs.

    Attributes:
        node: its node. ids: of the dragged points.
        recorded: it is made again from an edit file.
        limit: how many steps that has, None = until it ends by itself. moves: how its targets moved.
    """

    run: DragRun
    node: int
    ids: tuple[int | str, ...]
    recorded: bool = False
    limit: int | None = None
    moves: Sequence[Retarget] = ()

    @property
    def steps(self) -> int:
        """How many have been made."""
        return 0 if self.run.last is None else self.run.last.index

    @property
    def due(self) -> Retarget | None:
        """How the edit file has moved the targets after this step, if it has."""
        return next((move for move in self.moves if move.after == self.steps), None)

    @property
    def end(self) -> EndReason | None:
        """Why no step may follow, None if one may."""
        reason = self.run.stop_reason
        if reason != "arrived" and self.limit is not None and self.steps >= self.limit:
            return "recorded"
        return "stopped" if reason == "cancelled" else reason
