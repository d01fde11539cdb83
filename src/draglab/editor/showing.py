"""The read-only part of an editing session: views, pictures, suggestions, exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import DragSettings
from draglab.editor.branch import edit_file_of
from draglab.editor.descriptions import Description, as_command, as_python
from draglab.editor.document import Document
from draglab.editor.dragging import Dragging
from draglab.editor.export import Kind, Scope, export
from draglab.editor.pictures import decode_thumbnail, render
from draglab.editor.quality import HandleQuality, QualityMap
from draglab.editor.round_runner import EndReason
from draglab.editor.start_latent import start_latent
from draglab.editor.state import XY, Point, text_of_end
from draglab.editor.suggest import suggest_mask
from draglab.editor.view import SessionView, view_of
from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile


class Showing:
    """The part of an EditingSession that does not change its document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._dragging = Dragging(document)
        self._preview: tuple[Point, ...] | None = None
        self._quality: tuple[tuple[int, DragSettings], QualityMap] | None = None

    @property
    def id(self) -> str:
        """Id with which the session can be opened again."""
        return self._document.session

    @property
    def running(self) -> bool:
        """Whether a drag runs or is still to be replayed."""
        return self._dragging.running

    @property
    def points(self) -> tuple[Point, ...]:
        """All points; within a gesture, as the gesture has them now."""
        return self._document.history.node.points if self._preview is None else self._preview

    def view(self) -> SessionView:
        """Return everything that is shown beside the picture."""
        state = "running" if self.running else "idle"
        dragging = self._dragging
        return view_of(self.id, self._document.history, state, self.points, dragging.remaining, dragging.can_go_on)

    def end_of(self, node: int) -> tuple[EndReason, str] | None:
        """Return the reason why a round ended and a text for a person; None if it runs or the node is not a round.

        Raises:
            DraglabError: there is no such node.
        """
        found = self._document.history.get(node)
        return None if found.round is None or found.round.end is None else (found.round.end, text_of_end(found))

    # Pictures.

    def image(self, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the current image, uint8 [H, W, 3].

        Args:
            height: height in which it is shown, pixels; a smaller, quicker picture is made if enough. None = whole.
        """
        running = self._dragging.image(height)
        return self._document.picture(self._document.history.node, height=height) if running is None else running

    def original_image(self, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image from which the current one was dragged; see :meth:`image`."""
        history = self._document.history
        return self._document.picture(history.nodes[history.node.start_id], height=height)

    def frame_image(self, node: int, frame: int, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image of step `frame` of a round, 0 = before the first; see :meth:`image`.

        Raises:
            DraglabError: there is no such step.
        """
        return self._document.picture(self._document.history.get(node), frame, height)

    def thumbnail(self, node: int) -> NDArray[np.uint8]:
        """Return a small picture of a node, uint8 [96, W, 3], cached on disk.

        Raises:
            DraglabError: there is no such node.
        """
        picture = decode_thumbnail(self._document.thumbnail(self._document.history.get(node)))
        assert picture is not None
        return picture

    def thumbnail_file(self, picture: int) -> bytes:
        """Return the small picture with a number (NodeView.picture) as a PNG; a number's picture never changes.

        Raises:
            DraglabError: no entry of the history shows that picture.
        """
        for node in reversed(self._document.history.nodes.values()):
            if node.latent_id == picture:
                return self._document.thumbnail(node)
        raise DraglabError("no entry of this session's history shows that picture")

    def seed_image(self, seed: int, truncation: float = 1.0, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image of another seed of the same model and class; see :meth:`image`.

        Raises:
            DraglabError: the seed is out of range.
        """
        node = self._document.history.node
        old, generator = self._document.history.start_of(node), self._document.generator(node)
        spec = replace(old, seed=seed, truncation_psi=truncation, mix=None)
        return render(generator, start_latent(spec, generator), height)

    def mask(self) -> tuple[NDArray[np.bool_] | None, float]:
        """Return the mask, bool [H, W], True = movable, or None = everything; and its edges' softness in pixels."""
        return self._document.mask(self._document.history.node)

    # Help with points and masks.

    def check_handle(self, point: XY) -> HandleQuality:
        """Return whether a handle at (x, y), image pixels, can be tracked, and if not, a better place near it.

        Raises:
            DraglabError: the point is outside the image.
        """
        document, node = self._document, self._document.history.node
        settings = document.settings()
        if self._quality is None or self._quality[0] != (node.latent_id, settings):
            generator = document.generator(node)
            latent = document.latent(node.latent_id, generator)
            self._quality = (node.latent_id, settings), QualityMap(generator, latent, settings)
        return self._quality[1].check(point)

    def suggest_mask(self) -> NDArray[np.bool_]:
        """Suggest a movable region, bool [H, W], from the features around the handles; the mask stays as it is.

        Raises:
            DraglabError: there are no points.
        """
        document, node = self._document, self._document.history.node
        generator = document.generator(node)
        # Pins shall not move.
        points = [point for point in node.points if not point.pin]
        return suggest_mask(generator, document.latent(node.latent_id, generator), points, document.settings())

    # Exports of the current state.

    def to_edit_file(self) -> EditFile:
        """Return the edit file that reproduces the image from its start.

        Raises:
            DraglabError: there is no edit yet.
        """
        return edit_file_of(self._document, self._document.history.node)

    def export(self, kind: Kind, scope: Scope, path: Path) -> Iterator[None]:
        """Write a file, in pieces: iterate to the end. See :func:`draglab.editor.export.export`."""
        return export(self._document, kind, scope, path)

    def as_command(self) -> Description:
        """Return a command line that reproduces the image; see :func:`draglab.editor.descriptions.as_command`."""
        return as_command(self._document, self._document.history.node)

    def as_python(self) -> Description:
        """Return a program that reproduces the image; see :func:`draglab.editor.descriptions.as_python`."""
        return as_python(self._document, self._document.history.node)
