"""A pull that the image follows: a round whose targets are a hand's, which goes on as long as the hand is down.

Nothing of it is recorded before the hand lets go, so that a pull is one entry of the history however long it takes, and
one that is taken back leaves no trace. Of its steps, a bounded number is kept, evenly spread, and the newest; of its
targets, every move, so that an edit file repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from draglab.dragging import DragRun, DragSettings, DragStep, GaussNewtonRun
from draglab.dragging.gauss_newton import PATIENCE
from draglab.editor.document import Document, latent_bytes
from draglab.editor.round_runner import RoundRunner
from draglab.editor.state import Point, StepReport, places_by_id, with_handles
from draglab.media.edit_file import MAX_MOVES, Retarget

FINE = 0.2
"""Share of the stop distance to which Gauss-Newton steps come while the hand is down."""
MAX_KEPT = 24
"""Number of steps of a pull that are kept beside the newest; at least half as many once there were as many."""


@dataclass(frozen=True)
class KeptStep:
    """What is recorded of a step: its number, the dragged handles after it, its loss and its latent."""

    index: int
    handles: list[list[float]]
    loss: float
    latent: bytes

    @classmethod
    def of(cls, step: DragStep) -> KeptStep:
        """Take what is recorded from a step."""
        return cls(step.index, step.handles.tolist(), step.loss, latent_bytes(step.w_plus))


class KeptSteps:
    """Steps of a run of any length, of which a bounded number is kept: each n-th, and the newest."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self.most = most
        self.every = 1
        self._spread: list[KeptStep] = []
        self._newest: KeptStep | None = None

    def add(self, step: KeptStep) -> None:
        """Add the next step."""
        self._newest = step
        if step.index % self.every == 0:
            self._spread.append(step)
        while len(self._spread) > self.most:
            self.every *= 2
            self._spread = [each for each in self._spread if each.index % self.every == 0]

    def __iter__(self) -> Iterator[KeptStep]:
        yield from self._spread
        if self._newest is not None and self._newest not in self._spread[-1:]:
            yield self._newest


MakeRunner = Callable[[Sequence[Point], DragSettings], tuple[RoundRunner, tuple[int | str, ...]]]
"""Function that makes the runner of a round of these points, and returns it with the ids of its points."""


class Pull:
    """A pull that goes on.

    Args:
        document: the document, whose `preview` shows the points as the pull has them.
        gesture: number that tells the pulls of a page apart.
        make_runner: makes the round.

    Attributes:
        runner: the round; None until a point in hand has left its place.
        points: all points, with the places of the handles after the newest step.
    """

    def __init__(self, document: Document, gesture: int, make_runner: MakeRunner) -> None:
        self.document, self.gesture = document, gesture
        self.runner: RoundRunner | None = None
        self.points = document.history.node.points
        self._make_runner = make_runner
        self._ids: tuple[int | str, ...] = ()
        self._begun = self.points
        self._moves: list[Retarget] = []
        self._kept = KeptSteps()
        self._aimed = False
        self._held: set[int | str] = set()

    def aim(self, points: Sequence[Point]) -> None:
        """Take the newest targets of points, known by their ids, or of new ones."""
        self._held = {point.id for point in points}
        aimed = {point.id: point for point in points}
        known = [_aimed(each, aimed.pop(each.id, None)) for each in self.points]
        self.points = (*known, *(replace(point, pin=False, resting=False) for point in aimed.values()))
        self._aimed = True
        self.document.preview = self.points

    def drags(self, points: Sequence[Point]) -> bool:
        """Whether the points are, or can still become, dragged points."""
        return self.runner is None or all(point.id in self._ids for point in points)

    @property
    def full(self) -> bool:
        """Whether an edit file could hold no further moves of the targets."""
        return len(self._moves) >= MAX_MOVES - 1

    @property
    def due(self) -> bool:
        """Whether there is a step to make: the targets have moved, or the handles are not there yet."""
        return self._aimed or (self.runner is not None and not _is_there(self.runner.run))

    @property
    def made(self) -> bool:
        """Whether it has made a step."""
        return self.runner is not None and self.runner.run.last is not None

    @property
    def _awake(self) -> list[Point]:
        return [point for point in self.points if not point.resting]

    def step(self) -> StepReport | None:
        """Make one step towards the newest targets; None if the handles are there, or if the round diverged."""
        self._take_aim()
        runner = self.runner
        if runner is None or _is_there(runner.run):
            return None
        if not self.made:
            self._begun = self.points
        step = runner.step()
        if step is None:
            return None
        self._kept.add(KeptStep.of(step))
        self.points = with_handles(self.points, places_by_id(self._ids, step.handles))
        self.document.preview = self.points
        reachable = None if step.reachable is None else places_by_id(self._ids, step.reachable)
        cursor = self.document.history.cursor
        return StepReport.between(cursor, self._awake, step.index, step.loss, reachable=reachable)

    def ends_far(self) -> bool:
        """Whether the newest targets make a round: it has made a step, or they are too far away to have arrived."""
        self._take_aim()
        return self.runner is not None and (self.made or self.runner.end != "arrived")

    def record(self) -> tuple[RoundRunner, int, tuple[int | str, ...]]:
        """Record the pull as a round, and return its runner, its node and the ids of its points.

        The round goes on towards the newest targets, from which on its progress counts.
        """
        assert self.runner is not None
        if self.made:
            self._retarget(self.runner)
        else:
            self._begun = self.points
        document = self.document
        document.preview = None
        body = {
            "parent": document.history.cursor,
            "ids": list(self._ids),
            "settings": asdict(self.runner.run.settings),
            "points": [asdict(point) for point in self._begun],
            "left": [point.id for point in self._begun if point.resting],
        }
        node = document.record("round", body)
        if self._moves:
            document.record("moves", {"node": node, "moves": [move.model_dump() for move in self._moves]})
        for kept in self._kept:
            frame = {"node": node, "step": kept.index, "handles": kept.handles, "loss": kept.loss}
            document.record("frame", frame, kept.latent)
        return self.runner, node, self._ids

    def _take_aim(self) -> None:
        """Move the targets of the round to the newest ones, or begin it if a point in hand has left its place."""
        aimed, self._aimed = self._aimed, False
        if self.runner is not None:
            if aimed:
                self._retarget(self.runner)
        elif any(point.moves and point.id in self._held for point in self.points):
            self.runner, self._ids = self._make_runner(self._awake, self.document.settings())

    def _retarget(self, runner: RoundRunner) -> None:
        targets = {point.id: point.target for point in self.points}
        wanted = np.array([targets[each] for each in self._ids], dtype=np.float64)
        runner.run.retarget(wanted)
        if runner.steps == 0:
            # As if the round had begun with them.
            return
        move = Retarget(after=runner.steps, targets=wanted.tolist())
        if self._moves and self._moves[-1].after == move.after:
            self._moves.pop()
        self._moves.append(move)


def _aimed(point: Point, new: Point | None) -> Point:
    """Return a point with the target of the one in hand, if it is in hand."""
    return point if new is None else replace(point, target=new.target, pin=False, resting=False)


def _is_there(run: DragRun) -> bool:
    """Whether a run has nothing more to do while the hand is down and rests.

    Gauss-Newton steps go on within the stop distance, and along the end of their reach, as long as they bring the
    handles closer: slow pulls move smoothly, and the image turns with a hand out of reach. Others would take too many.
    """
    if run.stop_reason not in ("arrived", "out_of_reach") or not isinstance(run, GaussNewtonRun):
        return run.stop_reason is not None
    made = 0 if run.last is None else run.last.index
    return run.within(FINE * run.limit) or run.progress.has_stalled(made, PATIENCE)
