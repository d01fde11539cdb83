"""A session in memory, shown to any number of clients. Used on the worker's thread only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from draglab.errors import DraglabError
from draglab.media.images import encode_mask
from draglab.server.cores import half_the_cores
from draglab.server.messages import Ended, Error, Mask, PictureKind, Progress, State, Viewers, encode
from draglab.server.outbox import Outbox, Picture
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.photo import PhotoShot
    from draglab.editor.pictures import Shot
    from draglab.editor.session import EditingSession
    from draglab.editor.state import Point, StepReport
    from draglab.editor.view import SessionView

_stamps = count(1)

PACE = 0.25
"""Seconds after which a pull makes its next step although the picture of the last one is not there yet."""


class Viewer(Protocol):
    """A client that a session is shown to.

    Attributes:
        outbox: receives the messages and pictures for the client. height: height of its pictures; 0 = the image's.
        acknowledged: id of its newest command that was carried out, 0 = none yet.
        mask_id, original_id: ids of the mask and the start image that it has.
    """

    outbox: Outbox
    height: int
    acknowledged: int
    mask_id: Any
    original_id: Any


class LiveSession:
    """A session with its viewers: a worker.Task while a round runs.

    Args:
        owner: the person to whom the session belongs, see Access.owner.
    """

    def __init__(self, session: EditingSession, owner: str | None, worker: Worker) -> None:
        self.session = session
        self.owner = owner
        self.viewers: list[Viewer] = []
        self.used = time.monotonic()
        self.running = False
        self._worker = worker
        self._round = 0
        self._puller: Viewer | None = None
        self._last_step = 0.0
        self._rate = 0.0
        self._begun = 0.0
        self._painted: Future[None] = Future()

    def join(self, viewer: Viewer) -> None:
        """Show the session to a client from now on."""
        self.viewers.append(viewer)
        viewer.mask_id = viewer.original_id = None
        self._say_viewers()
        self.tell([viewer], picture=True)

    def leave(self, viewer: Viewer) -> None:
        """Stop showing the session to a client."""
        self.viewers.remove(viewer)
        self._say_viewers()
        self.used = time.monotonic()
        for thread in (self._worker, self._worker.painter):
            thread.withdraw(lambda key: key[0] is viewer)
        if not self.viewers:
            self._worker.sketcher.withdraw(lambda key: key is self)
        viewer.outbox.discard_pictures()
        if self._puller is viewer and self.session.rounds.pulling:
            # Its hand will not be heard of again.
            self.session.rounds.let_go()
            self.tell(picture=True)

    def step(self) -> bool:
        """Make one step of the round; see worker.Task.

        Steps of a pull take turns with their pictures, as both need the cores, and go on at a lower rate beside a
        picture that takes long.

        Raises:
            NotYet: the picture of the last step of a pull is being made.
        """
        rounds = self.session.rounds
        if rounds.pulling:
            next_one = self._begun + PACE
            if not self._painted.done() and time.monotonic() < next_one:
                raise NotYet(self._painted, next_one)
            self._begun, self._painted = time.monotonic(), Future()
        try:
            with half_the_cores():
                report = rounds.step()
        except DraglabError as error:
            self.fail(error)
            return False
        if report is not None:
            self._show(report)
        if rounds.pulling:
            return rounds.due
        if report is not None and report.end is None:
            return True
        if rounds.running:
            # The next round of an edit file follows.
            self._say_ended()
        self.tell(picture=True)
        return self.running

    def pull(self, viewer: Viewer, points: Sequence[Point], gesture: int, done: bool) -> None:
        """Take targets from a client's hand, see Rounds.pull; steps follow it from now on.

        Raises:
            DraglabError: see EditingSession.pull.
        """
        rounds = self.session.rounds
        pulling = rounds.pulling
        self._puller = viewer
        self.session.pull(points, gesture, done)
        if not (rounds.pulling and pulling):
            # While the hand is down, progress says where handles and targets are.
            self.tell(picture=not rounds.running)
        elif rounds.due:
            self._worker.add(self)

    def take_back(self) -> None:
        """Drop a pull whose hand is still down."""
        if self.session.rounds.pulling:
            self.session.rounds.take_back()
            self.tell(picture=True)

    def fail(self, error: Exception) -> None:
        """Send an error and stop the round."""
        what = str(error) if isinstance(error, DraglabError) else f"this step failed ({type(error).__name__})"
        for viewer in self.viewers:
            viewer.outbox.put(encode(Error(message=what)))
        self.stop()

    def stop(self, paused: bool = False) -> None:
        """End a running round before its next step; see Rounds.stop for `paused`."""
        if self.running:
            self.session.rounds.stop(paused=paused)
            self.tell(picture=True)

    def tell(
        self, viewers: list[Viewer] | None = None, picture: bool = False, knows_mask: Viewer | None = None
    ) -> None:
        """Send the state to clients, with the mask, start image and picture if theirs are out of date.

        If a round has begun, its steps are made from now on, in turn with those of other sessions.

        Args:
            viewers: None = all viewers. picture: True if the shown image has changed.
            knows_mask: the viewer that set the mask, and therefore has it.
        """
        self.used = time.monotonic()
        view = self.session.view()
        self._follow(view)
        mask_id = view.mask.id if view.mask else None
        for viewer in self.viewers if viewers is None else viewers:
            viewer.outbox.put(encode(State(acknowledged=viewer.acknowledged, view=view)), "state")
            if viewer is knows_mask:
                viewer.mask_id = (mask_id,)
            if viewer.mask_id != (mask_id,):
                viewer.mask_id = (mask_id,)
                viewer.outbox.put(encode(self._mask()), "mask")
            if viewer.original_id != view.original:
                viewer.original_id = view.original
                self._wish(viewer, "original")
            if picture:
                self._wish(viewer, "current")

    def show_again(self, viewer: Viewer) -> None:
        """Send the pictures again, in the viewer's new size."""
        self._wish(viewer, "original")
        self._wish(viewer, "current")

    def _mask(self) -> Mask:
        document = self.session.document
        mask, feather = document.mask(document.history.node)
        return Mask(png=None if mask is None else encode_mask(mask), feather=feather)

    def _wish(self, viewer: Viewer, kind: PictureKind) -> None:
        def make() -> None:
            view, pictures = self.session.view(), self.session.pictures
            try:
                now = pictures.current_shot() if kind == "current" else None
                shot = now or pictures.original_shot()
            except DraglabError as error:
                viewer.outbox.put(encode(Error(message=str(error))))
                return
            node = view.original if now is None else view.cursor
            self._worker.painter.wish((viewer, kind), lambda: self._paint_still(viewer, kind, shot, node))
            if now is not None and view.state == "idle":
                self._worker.sketcher.wish(self, lambda: self._prepare(now))

        self._worker.wish((viewer, kind), make, urgent=True)

    def _paint_still(self, viewer: Viewer, kind: PictureKind, shot: Shot | PhotoShot, node: int) -> None:
        """Send a picture of what does not change; called on the painter's thread."""
        try:
            pixels = shot.image(viewer.height or None)
        except DraglabError as error:
            # A photo whose file is gone.
            viewer.outbox.put(encode(Error(message=str(error))))
            return
        if viewer in self.viewers:
            viewer.outbox.put_picture(Picture(kind, pixels, node=node))

    def _prepare(self, shot: Shot) -> None:
        """Prepare for pictures of a round that begins at an image; called on the sketcher's thread."""
        with half_the_cores():
            self.session.pictures.prepare(shot)

    def _show(self, report: StepReport) -> None:
        now = time.perf_counter()
        rate = 1 / max(now - self._last_step, 1e-6)
        # Averaged over a few steps: a number that jumps cannot be read.
        self._rate = rate if report.step == 1 else 0.8 * self._rate + 0.2 * rate
        self._last_step = now
        stamp = next(_stamps)
        progress = Progress(
            node=report.node,
            step=report.step,
            points=report.ids,
            handles=report.handles,
            targets=report.targets,
            reachable=report.reachable,
            distances=report.distances,
            mean_distance=report.mean_distance,
            loss=report.loss,
            steps_per_second=self._rate,
            stamp=stamp,
        )
        text = encode(progress)
        for viewer in self.viewers:
            viewer.outbox.put(text, "progress")
        # The last step before a rest is shown whatever the rate: no other follows it.
        rests = not self.session.rounds.due
        if rests or any(viewer.outbox.wants_live() for viewer in self.viewers):
            shot = self.session.pictures.current_shot()
            painted = self._painted
            self._worker.painter.wish((self, "live"), lambda: self._paint_live(shot, report, stamp, rests, painted))

    def _paint_live(self, shot: Shot, report: StepReport, stamp: int, rests: bool, painted: Future[None]) -> None:
        """Send a picture of a step to those who are ready for it; called on the painter's thread."""
        try:
            self._paint(shot, report, stamp, rests)
        finally:
            if not painted.done():
                painted.set_result(None)

    def _paint(self, shot: Shot, report: StepReport, stamp: int, rests: bool) -> None:
        pictures: dict[int, Picture] = {}
        for viewer in list(self.viewers):
            if not (viewer.outbox.begin_live() or rests):
                continue
            height = viewer.height
            if height not in pictures:
                with half_the_cores():
                    pixels = shot.image(height or None, moving=not rests)
                pictures[height] = Picture("live", pixels, stamp, report.node, report.step)
            if viewer in self.viewers:
                viewer.outbox.put_picture(pictures[height])

    def _follow(self, view: SessionView) -> None:
        """Make steps while the session runs, and only then."""
        runs = view.state == "running"
        if runs and not self.running:
            self._last_step = time.perf_counter()
        if runs and self.session.rounds.due:
            self._worker.add(self)
        elif not runs and self.running:
            self._worker.remove(self)
            self._say_ended()
        self.running = runs

    def _say_viewers(self) -> None:
        message = encode(Viewers(count=len(self.viewers)))
        for viewer in self.viewers:
            viewer.outbox.put(message, "viewers")

    def _say_ended(self) -> None:
        ended, self.session.rounds.ended = self.session.rounds.ended, None
        node = None if ended is None else self.session.document.history.get(ended)
        if node is not None and node.round is not None and node.round.end is not None:
            message = encode(Ended(node=node.id, reason=node.round.end, text=node.end_text))
            for viewer in self.viewers:
                viewer.outbox.put(message)
