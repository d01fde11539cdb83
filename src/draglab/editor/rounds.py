"""Rounds of a document: the one that runs, and those of an edit file that are still to be replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import DragEdit, DragRun, DragSettings
from draglab.editor.document import Document, latent_bytes
from draglab.editor.round_runner import EndReason, RoundRunner
from draglab.editor.settings import read_settings
from draglab.editor.state import Point, StepReport
from draglab.errors import DraglabError
from draglab.media.edit_file import Round
from draglab.media.images import decode_mask

KEEPS_BEST: frozenset[EndReason] = frozenset({"stalled", "max_steps", "diverged"})
"""Reasons to end at which a round keeps the step nearest to its targets instead of the last one."""


@dataclass
class ActiveRound:
    """A round of a document while it runs.

    Attributes:
        node: id of its node. ids: ids of the dragged points, in the order of the runner's handles.
        recorded: True if it is replayed from an edit file.
    """

    runner: RoundRunner
    node: int
    ids: tuple[int | str, ...]
    recorded: bool = False


class Rounds:
    """The running round of a document, if there is one, and the remaining rounds of an opened edit file.

    A round that arrives while a target is being pulled is held: if the target is pulled further, the round goes on. A
    round that stopped by itself before it arrived is kept until another begins, so that a person can continue it.

    Attributes:
        queue: rounds of the edit file that are still to be replayed.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.queue: deque[Round] = deque()
        self._active: ActiveRound | None = None
        self._held: ActiveRound | None = None
        self._gave_up: ActiveRound | None = None
        self._pulling = False

    @property
    def running(self) -> bool:
        """Whether a round runs or is still to be replayed."""
        return self._active is not None or bool(self.queue)

    @property
    def replaying(self) -> bool:
        """Whether rounds of an edit file are being replayed."""
        return bool(self.queue) or (self._active is not None and self._active.recorded)

    @property
    def can_go_on(self) -> bool:
        """Whether the round that is shown stopped by itself before it arrived, so that :meth:`go_on` continues it."""
        stopped = self._gave_up
        return not self.running and stopped is not None and stopped.node == self.document.history.cursor

    @property
    def run(self) -> DragRun | None:
        """The drag of the running round; None if none runs."""
        return None if self._active is None else self._active.runner.run

    def start(self) -> None:
        """Begin a round of the points pulled since the last one, or, if there are none, of that round's points.

        If points were pulled since the last round, resting points are left out and removed from this round on.

        Raises:
            DraglabError: no point has to move, a round runs already, or points, mask or settings do not fit.
        """
        self.document.preview = None
        if self.running:
            raise DraglabError("a drag is running already: stop it first")
        points = self.document.history.node.points
        pulled = any(point.moves and not point.resting for point in points)
        left = [point.id for point in points if pulled and point.resting]
        runner, ids = self._runner(self.document.settings(), left)
        if runner.end is not None:
            raise DraglabError("every point is already where it should go: pull a target further")
        self._begin(ActiveRound(runner, 0, ids), left)

    def go_on(self) -> None:
        """Continue the round that stopped by itself from its last step, without patience and with the same reference.

        Raises:
            DraglabError: the round arrived or was stopped, or something else was done since.
        """
        self.document.preview = None
        round_ = self._gave_up
        if round_ is None or not self.can_go_on:
            raise DraglabError("this drag cannot go on by itself any more: run it again")
        round_.runner.run.go_on()
        self.document.record("resume", {"node": round_.node, "settings": asdict(round_.runner.run.settings)})
        self._active, self._held, self._gave_up, self._pulling = round_, None, None, False

    def step(self) -> StepReport | None:
        """Make one step and return its report; None if nothing runs, or if a round ended without a step.

        Raises:
            DraglabError: a round of an opened edit file does not fit.
        """
        while self._active is None and self.queue:
            self._begin_queued()
        active = self._active
        if active is None:
            return None
        try:
            step = active.runner.step()
            if step is not None:
                body = {"node": active.node, "handles": step.handles.tolist(), "loss": step.loss}
                self.document.record("frame", body, latent_bytes(step.w_plus))
        except BaseException:
            # A round must not go on from a step that was not recorded.
            self.queue.clear()
            self._active = None
            with suppress(DraglabError):
                self.document.record("end", {"node": active.node, "reason": "interrupted"})
            raise
        if step is None:
            self.queue.clear()
            self._end(active, "diverged")
            return None
        if (move := active.runner.moved) is not None:
            self._record_move(active, dict(zip(active.ids, move.targets, strict=True)))
        if (reason := active.runner.end) is not None:
            self._end(active, reason)
        return StepReport.of(self.document.history.nodes[active.node])

    def stop(self, keep_best: bool = False, paused: bool = False) -> None:
        """End the round and drop the remaining rounds of an edit file; do nothing if nothing runs.

        Args:
            keep_best: keep the step nearest to the targets; otherwise the last one, which is shown.
            paused: do not let its points rest, so that points can be changed: the next round drags them on, whatever
                else is pulled.
        """
        self.document.preview = None
        self.queue.clear()
        if self._active is not None:
            self._end(self._active, "stopped", keep_best, paused)
        self._held = None

    def steer(self, points: Sequence[Point], pulling: bool) -> bool:
        """Move the targets of the running or held round. Handles stay where the round has them.

        Args:
            points: all points. pulling: True while the gesture goes on.

        Returns:
            whether there was a round to steer; if not, nothing has changed.

        Raises:
            DraglabError: a round runs, and points were added or removed, or a dragged point has no target any more.
        """
        round_ = self._active or self._held
        if round_ is None:
            return False
        node = self.document.history.nodes[round_.node]
        targets = {point.id: point.target for point in points}
        fits = targets.keys() == {point.id for point in node.points} and None not in map(targets.get, round_.ids)
        if self._active is None:
            self._held = round_ if pulling else None
            if not fits:
                return False
            round_.runner.run.retarget(_array(targets, round_.ids))
            if round_.runner.end is not None:
                return False
            self.document.record("resume", {"node": node.id})
            self._active, self._held, self._gave_up = round_, None, None
        elif not fits:
            raise DraglabError("stop the drag before points are added or removed: while it runs, only targets move")
        self._pulling = pulling
        if any(point.target != targets[point.id] for point in node.points):
            self._record_move(round_, targets)
            round_.runner.run.retarget(_array(targets, round_.ids))
        if (reason := round_.runner.end) is not None:
            self._end(round_, reason)
        return True

    def _runner(
        self, settings: DragSettings, left: Collection[int | str] = (), recorded: Round | None = None
    ) -> tuple[RoundRunner, tuple[int | str, ...]]:
        """Make the runner of a round without the points in `left`, and return it with the ids of its points."""
        document, node = self.document, self.document.history.node
        points = [each for each in node.points if (each.moves or each.pin) and each.id not in left]
        if not any(each.moves for each in points):
            raise DraglabError("no point has somewhere to go: press on the image and pull")
        aimed = [(each.id, each.handle, each.target) for each in points]
        ids, handles, targets = zip(*aimed, strict=True)
        generator = document.generator(node)
        edit = DragEdit(handles, targets, document.movable(node))
        limit, moves = (None, []) if recorded is None else (recorded.steps, recorded.moved)
        w_plus = document.latent(node.latent_id, generator)
        return RoundRunner(generator, w_plus, edit, settings, limit, moves), ids

    def _begin(self, round_: ActiveRound, left: Sequence[int | str] = ()) -> None:
        settings = asdict(round_.runner.run.settings)
        body = {"parent": self.document.history.cursor, "ids": list(round_.ids), "settings": settings}
        if left:
            body["left"] = list(left)
        round_.node = self.document.record("round", body)
        self._active, self._held, self._gave_up, self._pulling = round_, None, None, False

    def _begin_queued(self) -> None:
        """Set points, mask and settings as the next round of the edit file has them, and begin it."""
        document, wanted = self.document, self.queue[0]
        try:
            # Before anything is recorded: whoever has the generators may have to load it first.
            document.generator(document.history.node)
        except DraglabError:
            self.queue.clear()
            raise
        try:
            document.record_points(points_of(wanted))
            document.record_mask(None if wanted.mask is None else decode_mask(wanted.mask), wanted.feather)
            settings = read_settings(wanted.settings)
            # The next drag chooses its method anew: it may have a mask.
            chosen = settings.descent in ("gauss-newton", "first-order")
            document.record_settings(replace(settings, descent="auto") if chosen else settings)
            if wanted.steps != 0:
                runner, ids = self._runner(settings, recorded=wanted)
                self._begin(ActiveRound(runner, 0, ids, True))
                if runner.run.stop_reason is not None and self._active is not None:
                    self._end(self._active, "arrived")
        except BaseException:
            self.queue.clear()
            raise
        self.queue.popleft()

    def _record_move(self, round_: ActiveRound, targets: Mapping[int | str, Any]) -> None:
        points = self.document.history.nodes[round_.node].points
        moved = [asdict(replace(point, target=targets.get(point.id, point.target))) for point in points]
        self.document.record("retarget", {"node": round_.node, "points": moved})

    def _end(self, round_: ActiveRound, reason: EndReason, keep_best: bool = False, paused: bool = False) -> None:
        self._active = None
        goes_on = self._pulling and reason in ("arrived", "stalled")
        self._held = round_ if goes_on else None
        gave_up = reason == "stalled" and round_.runner.steps < round_.runner.run.settings.max_steps
        self._gave_up = round_ if gave_up else None
        body: dict[str, Any] = {"node": round_.node, "reason": reason}
        best = round_.runner.run.best
        if best is not None and (keep_best or reason in KEEPS_BEST):
            body["kept"] = best.index
        if paused:
            body["paused"] = True
        self.document.record("end", body)


def points_of(wanted: Round) -> tuple[Point, ...]:
    """Return the points with which a round of an edit file begins. Handles on their targets become pins."""
    points = [
        Point(number, (pair.handle[0], pair.handle[1]), (pair.target[0], pair.target[1]))
        for number, pair in enumerate(wanted.points, 1)
    ]
    return tuple(point if point.moves else point.pinned() for point in points)


def _array(targets: Mapping[int | str, Any], ids: Sequence[int | str]) -> NDArray[np.float64]:
    return np.array([targets[each] for each in ids], dtype=np.float64)
