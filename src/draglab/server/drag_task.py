"""One drag of a program, as a task of the worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile
from draglab.server.drag_messages import ENDED, DragStatus, State

if TYPE_CHECKING:
    from draglab.editor.replay import Replay, ReplayStep


class Drag:
    """A drag that waits or runs: a worker.Task. `status` can be read from any thread.

    Args:
        owner: key of the person. begin: makes the replay when the first step is due. ended: called once, at the end.
        starts: number of times that a server was killed while this drag ran.
    """

    def __init__(
        self,
        status: DragStatus,
        owner: str,
        begin: Callable[[Drag], Replay],
        ended: Callable[[Drag], None],
        starts: int = 0,
    ) -> None:
        self.status, self.owner, self.starts = status, owner, starts
        self.edit: EditFile | None = None
        """Edit file that reproduces the result; None until the drag has ended."""
        self.w_plus: NDArray[np.float32] | None = None
        """[num_ws, w_dim], the result; None until the drag has ended."""
        self._begin, self._ended = begin, ended
        self._replay: Replay | None = None
        self._steps: Iterator[ReplayStep] = iter(())

    def step(self) -> bool:
        try:
            if self._replay is None:
                self._replay = self._begin(self)
                self._steps = iter(self._replay)
            now = next(self._steps)
        except StopIteration:
            self._finish("finished")
            return False
        except DraglabError as error:
            self.fail(error)
            return False
        step = now.step
        self.status = replace(self.status, round=now.round_index + 1)
        self._tell(step.index, step.handles, step.targets, step.distances)
        return True

    def cancel(self) -> None:
        """End the drag and keep its best step; do nothing if it has ended."""
        if self.status.state in ENDED:
            return
        if self._replay is None:
            self._settle("cancelled")
            return
        self._replay.stop()
        # The rest of the iteration chooses that step.
        for _ in self._steps:
            pass
        self._finish("cancelled")

    def fail(self, error: Exception) -> None:
        what = str(error) if isinstance(error, DraglabError) else f"a step failed ({type(error).__name__})"
        self.status = replace(self.status, error=what)
        self._settle("failed")

    def _finish(self, state: State) -> None:
        replay = self._replay
        assert replay is not None
        self.edit = replay.recorded()
        self.w_plus = replay.w_plus[0].detach().float().cpu().numpy()
        if replay.reports:
            report = replay.reports[-1]
            self._tell(report.steps, report.handles, report.targets, report.distances)
            self.status = replace(self.status, round=len(replay.reports), stop_reason=report.end)
        self._settle(state)

    def _settle(self, state: State) -> None:
        self.status = replace(self.status, state=state, ended=time.time())
        # It holds the generator.
        self._replay, self._steps = None, iter(())
        self._ended(self)

    def _tell(self, step: int, handles: NDArray, targets: NDArray, distances: NDArray) -> None:
        self.status = replace(
            self.status,
            step=step,
            handles=handles.tolist(),
            targets=targets.tolist(),
            distances=distances.tolist(),
            mean_distance=float(distances.mean()),
        )
