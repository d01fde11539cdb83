"""Rounds of a document: the one that runs, and those of an edit file that are still to be replayed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import GAVE_UP, KEEPS_BEST, DragEdit, DragRun, DragSettings, DragStep
from draglab.editor.document import Document, latent_bytes
from draglab.editor.pull import MAX_KEPT, Pull
from draglab.editor.round_runner import EndReason, RoundRunner
from draglab.editor.settings import read_settings
from draglab.editor.state import Point, StepReport, places_by_id, with_handles
from draglab.errors import DraglabError
from draglab.media.edit_file import Round
from draglab.media.images import decode_mask


@dataclass
class ActiveRound:
    """A round of a document while it runs.

    Attributes:
        node: id of its node. ids: ids of the dragged points, in the order of the runner's handles.
        recorded: True if it is replayed from an edit file.
        every: number of steps of which one is recorded; the last one always is.
    """

    runner: RoundRunner
    node: int
    ids: tuple[int | str, ...]
    recorded: bool = False
    every: int = 1


class Rounds:
    """The running round of a document, if there is one, and the remaining rounds of an opened edit file.

    A round that arrives while a target is being pulled is held: if the target is pulled further, the round goes on. A
    round that stopped by itself before it arrived is kept until another begins, so that a person can continue it.

    A pull that the image follows (pull.py) is a round that waits for the hand when its handles are there. It becomes a
    round like others when the hand lets go.

    Attributes:
        queue: rounds of the edit file that are still to be replayed.
        ended: node of the round that ended last; whoever tells people of it sets it to None.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.queue: deque[Round] = deque()
        self._active: ActiveRound | None = None
        self._held: ActiveRound | None = None
        self._gave_up: ActiveRound | None = None
        self._pulling = False
        self._pull: Pull | None = None
        self._over: int | None = None
        """The gesture of the last pull that has ended."""
        self.ended: int | None = None

    @property
    def running(self) -> bool:
        """Whether a round runs, waits for a hand, or is still to be replayed."""
        return self._active is not None or self._pull is not None or bool(self.queue)

    @property
    def due(self) -> bool:
        """Whether :meth:`step` has something to do."""
        return self._active is not None or bool(self.queue) or (self._pull is not None and self._pull.due)

    @property
    def pulling(self) -> bool:
        """Whether a hand is down that the image follows."""
        return self._pull is not None

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
        runner = self._pull.runner if self._pull is not None else self._active and self._active.runner
        return None if runner is None else runner.run

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
        runner, ids = self._runner(points, self.document.settings(), left)
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
        """Make one step and return its report; None if nothing runs, or if a round ended or waits without a step.

        Raises:
            DraglabError: a round of an opened edit file does not fit, or the settings do not fit a pull.
        """
        if self._pull is not None:
            return self._step_pull(self._pull)
        while self._active is None and self.queue:
            self._begin_queued()
        active = self._active
        if active is None:
            return None
        try:
            step = active.runner.step()
            if step is not None and (step.index % active.every == 0 or active.runner.end is not None):
                self._record_step(active, step)
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
        points = self._points_after(active, step)
        if (reason := active.runner.end) is not None:
            self._end(active, reason)
        text = self.document.history.nodes[active.node].end_text
        reachable = None if step.reachable is None else places_by_id(active.ids, step.reachable)
        return StepReport.between(active.node, points, step.index, step.loss, reason, text, reachable)

    def stop(self, keep_best: bool = False, paused: bool = False) -> None:
        """End the round and drop the remaining rounds of an edit file; do nothing if nothing runs.

        Args:
            keep_best: keep the step nearest to the targets; otherwise the last one, which is shown.
            paused: do not let its points rest, so that points can be changed: the next round drags them on, whatever
                else is pulled.
        """
        self.queue.clear()
        if (pull := self._pull) is not None:
            self._over = pull.gesture
            if pull.made:
                self._let_go(pull)
            self._pull = None
        self.document.preview = None
        if self._active is not None:
            self._end(self._active, "stopped", keep_best, paused)
        self._held = None

    def pull(self, points: Sequence[Point], gesture: int, done: bool = False) -> None:
        """Take the newest targets of points that are being pulled; the image follows with the next steps.

        The first targets of a gesture begins a round with all points that do not rest. A round that runs is paused
        first, and its points are dragged on. Further targets move those of the pull. If something else has ended the
        pull, the rest of its gesture is ignored.

        Args:
            points: the points with their targets; of a known point, only id and target are used.
            gesture: number of the gesture, another one for each.
            done: the hand lets go: the pull is recorded as one round, which goes on until it ends by itself.
        """
        if gesture == self._over:
            return
        # Before anything changes: whoever has the generators may have to load it first.
        self.document.generator(self.document.history.node)
        pull = self._pull
        if pull is not None and (pull.full or not (pull.gesture == gesture or pull.drags(points))):
            self.stop(paused=True)
            pull = self._over = None
        if pull is None:
            self.stop(paused=True)
            pull = self._pull = Pull(self.document, gesture, self._runner)
        pull.aim(points)
        if done and gesture == pull.gesture:
            self._let_go(pull)

    def let_go(self) -> None:
        """End the gesture of a pull, if there is one; see :meth:`pull`."""
        if self._pull is not None:
            self._let_go(self._pull)

    def take_back(self) -> None:
        """Drop a pull whose hand is still down, and show what was before it."""
        if self._pull is not None:
            self._over, self._pull = self._pull.gesture, None
            self.document.preview = None

    def steer(self, points: Sequence[Point], pulling: bool) -> bool:
        """Move the targets of the running or held round. Handles stay where the round has them.

        Args:
            points: all points. pulling: True while the gesture goes on.

        Returns:
            whether there was a round to steer; if not, nothing has changed.

        Raises:
            DraglabError: a round runs, and points were added or removed, or a dragged point has no target any more.
        """
        if self._pull is not None:
            self.stop(paused=True)
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

    def _step_pull(self, pull: Pull) -> StepReport | None:
        try:
            report = pull.step()
        except BaseException:
            self._pull, self._over = None, pull.gesture
            self.document.preview = None
            raise
        if pull.runner is not None and pull.runner.end == "diverged":
            self._over = pull.gesture
            self._let_go(pull)
        return report

    def _let_go(self, pull: Pull) -> None:
        """Record a pull as a round that goes on, or as points if they are not to be dragged."""
        # A message that is repeated, because its answer was lost, must not begin another.
        self._pull, self._over = None, pull.gesture
        self.document.preview = None
        if not pull.ends_far():
            self.document.record_points(pull.points)
            return
        self._active = round_ = ActiveRound(*pull.record())
        self._held = self._gave_up = None
        self._pulling = False
        if (reason := round_.runner.end) is not None:
            self._end(round_, reason)

    def _runner(
        self,
        points: Sequence[Point],
        settings: DragSettings,
        left: Collection[int | str] = (),
        recorded: Round | None = None,
    ) -> tuple[RoundRunner, tuple[int | str, ...]]:
        """Make the runner of a round without the points in `left`, and return it with the ids of its points."""
        document, node = self.document, self.document.history.node
        dragged = [each for each in points if (each.moves or each.pin) and each.id not in left]
        if not any(each.moves for each in dragged):
            raise DraglabError("no point has somewhere to go: press on the image and pull")
        aimed = [(each.id, each.handle, each.target) for each in dragged]
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
                runner, ids = self._runner(document.history.node.points, settings, recorded=wanted)
                # A pull has many steps: as few of them are recorded as when it was made.
                every = math.ceil(wanted.steps / MAX_KEPT) if wanted.steps is not None and wanted.moved else 1
                self._begin(ActiveRound(runner, 0, ids, True, every))
                if runner.end is not None and self._active is not None:
                    self._end(self._active, "arrived")
        except BaseException:
            self.queue.clear()
            raise
        self.queue.popleft()

    def _record_step(self, round_: ActiveRound, step: DragStep) -> None:
        body = {"node": round_.node, "step": step.index, "handles": step.handles.tolist(), "loss": step.loss}
        self.document.record("frame", body, latent_bytes(step.w_plus))

    def _record_move(self, round_: ActiveRound, targets: Mapping[int | str, Any]) -> None:
        points = self.document.history.nodes[round_.node].points
        moved = [asdict(replace(point, target=targets.get(point.id, point.target))) for point in points]
        self.document.record("retarget", {"node": round_.node, "after": round_.runner.steps, "points": moved})

    def _points_after(self, round_: ActiveRound, step: DragStep) -> tuple[Point, ...]:
        """Return the points of a round as they are after a step, whether it was recorded or not."""
        points = self.document.history.nodes[round_.node].points
        return with_handles(points, places_by_id(round_.ids, step.handles))

    def _end(self, round_: ActiveRound, reason: EndReason, keep_best: bool = False, paused: bool = False) -> None:
        self._active = None
        last = round_.runner.run.last
        record = self.document.history.nodes[round_.node].round
        if last is not None and record is not None and record.steps < last.index:
            self._record_step(round_, last)
        goes_on = self._pulling and (reason == "arrived" or reason in GAVE_UP)
        self._held = round_ if goes_on else None
        gave_up = reason in GAVE_UP and not round_.runner.run.spent
        self._gave_up = round_ if gave_up else None
        body: dict[str, Any] = {"node": round_.node, "reason": reason}
        best = round_.runner.run.best
        if best is not None and (keep_best or reason == "diverged" or reason in KEEPS_BEST):
            body["kept"] = best.index
        if paused:
            body["paused"] = True
        self.document.record("end", body)
        self.ended = round_.node


def points_of(wanted: Round) -> tuple[Point, ...]:
    """Return the points with which a round of an edit file begins. Handles on their targets become pins."""
    points = [
        Point(number, (pair.handle[0], pair.handle[1]), (pair.target[0], pair.target[1]))
        for number, pair in enumerate(wanted.points, 1)
    ]
    return tuple(point if point.moves else point.pinned() for point in points)


def _array(targets: Mapping[int | str, Any], ids: Sequence[int | str]) -> NDArray[np.float64]:
    return np.array([targets[each] for each in ids], dtype=np.float64)
