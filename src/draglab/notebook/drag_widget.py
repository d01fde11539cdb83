"""The widget as Python has it. Needs anywidget (extra "notebook")."""

from __future__ import annotations

import atexit
import base64
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anywidget  # pyright: ignore[reportMissingImports]
import numpy as np
import traitlets  # pyright: ignore[reportMissingImports]
from numpy.typing import ArrayLike, NDArray

from draglab.checkpoints.statistics import add_statistics
from draglab.dragging import DragSettings
from draglab.editor.branch import edit_file_of
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.settings import changed_settings
from draglab.editor.state import Point, StartSpec
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, save_edit_file
from draglab.media.images import encode_image, save_image
from draglab.media.provenance.origin import Origin, edited_by, generated
from draglab.notebook.page import esm
from draglab.notebook.views import Views
from draglab.server.live_session import LiveSession
from draglab.server.scratch import Scratch
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
POLL = 0.02
"""Seconds between two looks at whether a drag has ended."""


class DragWidget(anywidget.AnyWidget):
    """An image that is dragged by hand in a notebook; :func:`draglab.widget` makes one.

    Show it as the last line of a cell, in as many cells as wanted: all show the same. Drags run on a thread beside the
    kernel's: pictures come also while a cell runs, but what is done in the widget meanwhile is only heard of when that
    cell has ended. What Python does here is seen in the widget, and is an entry of its history.

    Attributes:
        height: height of the widget, CSS pixels.
        revision: grows when an edit has changed and nothing runs; ``widget.observe(function, "revision")`` calls a
            function then, on a thread of the widget's.
    """

    _esm = esm()

    height = traitlets.Int(560, min=120).tag(sync=True)
    revision = traitlets.Int(0).tag(sync=True)

    def __init__(self, generator: Generator, start: StartSpec, height: int = 560) -> None:
        """Make a widget.

        Args:
            generator: the model. start: the image to start from.

        Raises:
            DraglabError: the start does not fit the model.
        """
        self._generator, self._scratch, self._worker = generator, Scratch(), _worker()
        self._views: Views | None = None
        try:
            self._live = self._call(lambda: self._begin(start))
        except DraglabError:
            self._scratch.close()
            raise
        super().__init__(height=height)
        img_height, img_width = generator.img_shape
        self._views = Views(self._worker, self._live, (img_height, img_width), self.send)
        self.on_msg(lambda _, content, buffers: self._receive(content))
        # When Python ends, the worker stands still before ipywidgets closes what is left: nothing could be waited for.
        atexit.register(self._put_away)
        if generator.statistics is None:
            threading.Thread(target=self._measure, name="draglab-measuring", daemon=True).start()

    # What it shows.

    @property
    def w_plus(self) -> Tensor:
        """The latent of the image, [1, num_ws, w_dim]; while a drag runs, that of its last step."""
        return self._call(lambda: self._session.pictures.current_shot().w_plus.detach().clone())

    @property
    def image(self) -> NDArray[np.uint8]:
        """The image, uint8 [H, W, 3]; while a drag runs, that of its last step."""
        return self._call(lambda: self._session.pictures.current())

    @property
    def edit(self) -> EditFile:
        """The edit up to here, as draglab.Replay takes it; see :meth:`save_edit`.

        A pull whose hand is still down is not part of it.

        Raises:
            DraglabError: nothing was dragged yet.
        """
        return self._call(lambda: edit_file_of(self._session.document))

    @property
    def points(self) -> tuple[Point, ...]:
        """Handles, targets and pins, as they are in the image."""
        return self._call(lambda: self._session.document.points)

    @property
    def running(self) -> bool:
        """Whether a drag runs, or a hand is down that the image follows."""
        return self._call(lambda: self._session.rounds.running)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The movable region, bool [H, W], True = movable; None = everything may move. Can be set."""

        def read() -> NDArray[np.bool_] | None:
            document = self._session.document
            return document.mask(document.history.node)[0]

        return self._call(read)

    @mask.setter
    def mask(self, mask: NDArray[np.bool_] | None) -> None:
        if mask is not None and not isinstance(mask, np.ndarray):
            raise DraglabError(f"the mask is a {type(mask).__name__}: give a NumPy array of bool, True = movable")
        self._change(lambda: self._session.set_mask(mask))

    @property
    def settings(self) -> DragSettings:
        """Settings of the next drags. Can be set."""
        return self._call(lambda: self._session.document.settings())

    @settings.setter
    def settings(self, settings: DragSettings) -> None:
        def replace() -> None:
            document = self._session.document
            self._session.reset_settings()
            self._session.set_settings(changed_settings(settings, document.suited_settings))

        self._change(replace)

    def save_edit(self, path: str | Path) -> None:
        """Write the edit to a file, which `draglab drag`, draglab.load_edit_file and the editor open.

        Raises:
            DraglabError: nothing was dragged yet, or the file cannot be written.
        """
        save_edit_file(path, self.edit)

    def save_image(self, path: str | Path) -> None:
        """Write the image as PNG, JPEG or WebP, by the suffix; the file says how it was made.

        Raises:
            DraglabError: an unknown suffix, or the file cannot be written.
        """
        save_image(path, self.image, self._origin())

    # What it is told.

    def set_points(self, handles: ArrayLike, targets: ArrayLike | None = None) -> None:
        """Put handles in the place of those that are there, without dragging them; see :meth:`run`.

        Args:
            handles, targets: [n, 2], (x, y) in image pixels; targets None = handles without targets.

        Raises:
            DraglabError: a point is outside the image, or there are not as many targets as handles.
        """
        starts = np.asarray(handles, dtype=np.float64).reshape(-1, 2)
        ends = None if targets is None else np.asarray(targets, dtype=np.float64).reshape(-1, 2)
        if ends is not None and len(ends) != len(starts):
            raise DraglabError(f"there are {len(starts)} handles and {len(ends)} targets: give as many of both")
        points = [
            Point(number, (x, y), None if ends is None else (float(ends[number - 1, 0]), float(ends[number - 1, 1])))
            for number, (x, y) in enumerate(starts.tolist(), 1)
        ]

        def replace() -> None:
            self._session.rounds.stop()
            self._session.set_points(points)

        self._change(replace)

    def run(self, wait: bool = True) -> None:
        """Drag the handles to their targets.

        Args:
            wait: return when the drag has ended; False = at once.

        Raises:
            DraglabError: no handle has somewhere to go, or a drag runs already.
        """
        self._change(lambda: self._session.rounds.start())
        if wait:
            self.wait()

    def stop(self) -> None:
        """End a running drag before its next step."""
        self._change(lambda: self._session.rounds.stop())

    def undo(self) -> None:
        """Show the previous state.

        Raises:
            DraglabError: there is nothing to undo.
        """
        self._change(lambda: self._session.undo())

    def redo(self) -> None:
        """Show the state that was last undone.

        Raises:
            DraglabError: there is nothing to redo.
        """
        self._change(lambda: self._session.redo())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no drag runs, and return whether that is so.

        A hand that is still down counts as let go: it could not be heard of before the cell ends.

        Args:
            timeout: seconds to wait at most; None = until the drag ends by itself.
        """

        def let_go() -> None:
            if self._session.rounds.pulling:
                self._session.rounds.let_go()
                self._live.tell(picture=True)

        ends = None if timeout is None else time.monotonic() + timeout
        self._call(let_go)
        while self.running:
            if ends is not None and time.monotonic() > ends:
                return False
            time.sleep(POLL)
        return True

    def close(self) -> None:
        """Take the widget away and delete its history; save :attr:`edit` before."""
        atexit.unregister(self._put_away)
        self._put_away()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return what a notebook shows, with the image for places where no widget can be, such as a page of GitHub."""
        shown = super()._repr_mimebundle_(**kwargs)
        data = shown[0] if isinstance(shown, tuple) else shown
        if data is not None and self._views is not None:
            png = encode_image(self.image, self._origin(), sealed=False)
            data["image/png"] = base64.b64encode(png).decode("ascii")
        return shown

    # Below, what belongs to no notebook's cell.

    def _put_away(self) -> None:
        views, self._views = self._views, None
        if views is not None:
            views.close()
            self._call(self._end)
            self._scratch.close()

    def _origin(self) -> Origin:
        try:
            return edited_by(self.edit)
        except DraglabError:
            # Nothing was dragged.
            return generated(self._generator.name, self._generator.sha256)

    @property
    def _session(self) -> EditingSession:
        return self._live.session

    def _begin(self, start: StartSpec) -> LiveSession:
        self._journal = Journal(self._scratch.path)
        return _WatchedSession(
            EditingSession.create(self._journal, lambda _: self._generator, start), self._worker, self._told
        )

    def _end(self) -> None:
        self._worker.remove(self._live)
        self._worker.withdraw(lambda key: key[0] is self._live)
        self._session.rounds.stop()
        self._journal.file.close()

    def _receive(self, content: Any) -> None:
        if self._views is not None:
            self._views.receive(content)

    def _told(self) -> None:
        """Note that what is shown has changed; called on the worker's thread."""
        if self._views is not None and not self._session.rounds.running:
            self._views.later(self._count)

    def _count(self) -> None:
        self.revision += 1

    def _measure(self) -> None:
        # Until then, drags are of the first order.
        add_statistics(self._generator)

    def _change(self, change: Callable[[], object]) -> None:
        def make() -> None:
            change()
            self._live.tell(picture=True)

        self._call(make)

    def _call(self, function: Callable[[], T]) -> T:
        """Call a function on the worker's thread, and wait for it."""
        return self._worker.call(function, caller=self).result()


class _WatchedSession(LiveSession):
    """A session that says when its viewers are told of a change."""

    def __init__(self, session: EditingSession, worker: Worker, told: Callable[[], None]) -> None:
        super().__init__(session, None, worker)
        self._told = told

    def tell(self, *args: Any, **kwargs: Any) -> None:
        super().tell(*args, **kwargs)
        self._told()


@cache
def _worker() -> Worker:
    """The thread that computes for all widgets."""
    worker = Worker()
    worker.start()
    return worker
