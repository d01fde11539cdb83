"""A session in memory, shown to any number of clients. Used on the worker's thread only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from draglab.errors import DraglabError
from draglab.media.images import encode_mask
from draglab.server.messages import Ended, Error, Mask, PictureKind, Progress, State, Viewers, encode
from draglab.server.outbox import Outbox, Picture
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from draglab.editor.session import EditingSession
    from draglab.editor.state import StepReport
    from draglab.editor.view import SessionView

_stamps = count(1)


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
        self._preparation: Iterator[None] | None = None
        self._round = 0
        self._last_step = 0.0
        self._rate = 0.0

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
        self._worker.withdraw(lambda key: key[0] is viewer)
        viewer.outbox.discard_pictures()

    def step(self) -> bool:
        """Make one step of the round; see worker.Task."""
        try:
            report = self.session.rounds.step()
        except DraglabError as error:
            self.fail(error)
            return False
        if report is not None:
            self._round = report.node
            self._show(report)
            if report.end is None:
                return True
        if self.session.rounds.running:
            # The next round of an edit file follows.
            self._say_ended()
        self.tell(picture=True)
        return self.running

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
        self.prepare()

    def prepare(self) -> None:
        """Compute what the next drag needs, in short steps, as soon as nothing else is to be done."""
        self._preparation = None
        if self.viewers and not self.running:
            self._worker.prepare((self, "prepare"), self._prepare)

    def _prepare(self) -> None:
        # If it is impossible, a drag will say why.
        with suppress(DraglabError):
            if self._preparation is None:
                self._preparation = self.session.prepare()
            for _ in self._preparation:
                self._worker.prepare((self, "prepare"), self._prepare)
                return
            self._preparation = None

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
            height, view = viewer.height or None, self.session.view()
            try:
                if kind == "current":
                    viewer.outbox.put_picture(Picture(kind, self.session.pictures.current(height), node=view.cursor))
                else:
                    viewer.outbox.put_picture(Picture(kind, self.session.pictures.original(height), node=view.original))
            except DraglabError as error:
                viewer.outbox.put(encode(Error(message=str(error))))

        self._worker.wish((viewer, kind), make, urgent=True)

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
            handles=[(x, y) for x, y in report.handles],
            distances=report.distances,
            mean_distance=report.mean_distance,
            loss=report.loss,
            steps_per_second=self._rate,
            stamp=stamp,
        )
        text = encode(progress)
        pictures = {}
        for viewer in self.viewers:
            viewer.outbox.put(text, "progress")
            if viewer.outbox.wants_live():
                if viewer.height not in pictures:
                    pixels = self.session.pictures.current(viewer.height or None)
                    pictures[viewer.height] = Picture("live", pixels, stamp, report.node, report.step)
                viewer.outbox.put_picture(pictures[viewer.height])

    def _follow(self, view: SessionView) -> None:
        """Make steps while the session runs, and only then."""
        if view.state == "running" and not self.running:
            self._last_step = time.perf_counter()
            self._round = view.cursor
            self._worker.add(self)
        elif view.state != "running" and self.running:
            self._worker.remove(self)
            self._say_ended()
        self.running = view.state == "running"

    def _say_viewers(self) -> None:
        message = encode(Viewers(count=len(self.viewers)))
        for viewer in self.viewers:
            viewer.outbox.put(message, "viewers")

    def _say_ended(self) -> None:
        node = self.session.document.history.get(self._round)
        if node.round is not None and node.round.end is not None:
            message = encode(Ended(node=node.id, reason=node.round.end, text=node.end_text))
            for viewer in self.viewers:
                viewer.outbox.put(message)
