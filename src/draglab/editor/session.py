"""An editing session: a document with its history, and the drag that may be running in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from draglab.editor.document import Document, GeneratorOf, facts_of, latent_bytes
from draglab.editor.journal import Journal
from draglab.editor.photo import PhotoStart
from draglab.editor.pictures import Pictures
from draglab.editor.point_help import PointHelp
from draglab.editor.replay import Replay
from draglab.editor.rounds import Rounds
from draglab.editor.start_latent import appearance, keeps_shape, spec_of_file, start_latent
from draglab.editor.state import XY, Point, StartSpec
from draglab.editor.suggest import suggest_mask
from draglab.editor.view import SessionView, session_view
from draglab.errors import DraglabError
from draglab.geometry import validate_points
from draglab.media.edit_file import EditFile, SettingValue

MAX_NAME = 80
"""Longest name of a session, in characters."""
MAX_FEATHER = 1000.0
"""Softest edges of a mask, in pixels, as in edit files."""


class EditingSession:
    """One person's work on one image after another, with its whole history.

    Nothing is computed unless a method is called, and every change is on disk before its method returns. The owner of
    the generators calls `rounds.step()` repeatedly while `rounds.running`, and may take turns with other sessions.
    Changes of the document end a running drag first, except for changes of settings and of the drag's targets.

    Use :meth:`create`, :meth:`open` or :meth:`from_edit_file` to make one. A session that is put away must not run:
    call `rounds.stop()`.

    Attributes:
        document: the history, and the latents and masks of its nodes. Exports and descriptions are made from it.
        rounds: the running drag. pictures: the session's images. help: with the handles of the current image.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.rounds = Rounds(document)
        self.pictures = Pictures(document, self.rounds)
        self.help = PointHelp(document)

    @classmethod
    def create(cls, journal: Journal, generator_of: GeneratorOf, start: StartSpec) -> EditingSession:
        """Create a new session.

        Raises:
            DraglabError: the start does not fit its model, or nothing can be written.
        """
        # Raises before an empty session is left behind.
        start_latent(start, Document(journal, "", generator_of).generator_for(start))
        session = cls(Document(journal, journal.create(), generator_of))
        session.set_start(start)
        return session

    @classmethod
    def open(cls, journal: Journal, generator_of: GeneratorOf, session_id: str) -> EditingSession:
        """Open a session as it was left, or as it was when its process ended.

        Raises:
            DraglabError: there is no such session.
        """
        document = Document(journal, session_id, generator_of)
        document.read()
        return cls(document)

    @classmethod
    def from_edit_file(
        cls, journal: Journal, generator_of: GeneratorOf, edit: EditFile, model: str | None = None
    ) -> EditingSession:
        """Create a session that replays the rounds of an edit file, a step at a time, and goes on from there.

        Args:
            model: name under which `generator_of` knows the model; None = the name in the file.

        Raises:
            DraglabError: the file does not fit the model.
        """
        spec = spec_of_file(edit, edit.model.name if model is None else model)
        Replay(edit, generator_of(spec.model))  # checks all rounds
        session = cls.create(journal, generator_of, spec)
        session.rounds.queue.extend(edit.rounds)
        return session

    @classmethod
    def from_photo(
        cls, journal: Journal, generator_of: GeneratorOf, model: str, w_plus: NDArray[np.float32], photo: PhotoStart
    ) -> EditingSession:
        """Create a session that starts from an inverted photo, whose file is in the journal's folder of photos.

        Args:
            model: name under which `generator_of` knows the photo's model. w_plus: [num_ws, w_dim], its latent.

        Raises:
            DraglabError: the photo's file is missing, or nothing can be written.
        """
        session = cls.create(journal, generator_of, StartSpec(model, w_plus=w_plus, photo=photo))
        session.rename(photo.name)
        return session

    def view(self) -> SessionView:
        """Return everything that is shown beside the picture."""
        return session_view(self.document, self.rounds)

    def suggest_mask(self) -> NDArray[np.bool_]:
        """Suggest a movable region, bool [H, W], from the features around the handles; the mask stays as it is.

        Raises:
            DraglabError: there are no points.
        """
        document, node = self.document, self.document.history.node
        generator = document.generator(node)
        # Pins shall not move.
        points = [point for point in node.points if not point.pin]
        return suggest_mask(generator, document.latent(node.latent_id, generator), points, document.settings())

    # Changes of the document.

    def set_start(self, start: StartSpec) -> None:
        """Start from another image, without points and mask.

        If the new start differs only in its style mixing, points and mask are kept, and so is the result of drags, in
        the layers below those that are mixed in.

        Args:
            start: the start; without seed and values, those of the current image are used.

        Raises:
            DraglabError: the start does not fit the model.
        """
        document, history = self.document, self.document.history
        here = history.nodes.get(history.cursor)
        old = None if here is None else history.start_of(here)
        base = None
        if here is not None and start.seed is None and start.w_plus is None:
            base = history.nodes[here.start_id].base_id
            if base is None or old is None or old.model != start.model:
                raise DraglabError("there are no values to start from: give a seed")
            start = replace(start, photo=old.photo)
        generator = document.generator_for(start)
        fresh = start_latent(start, generator, None if base is None else document.latent(base, generator))
        if start.w_plus is not None:
            start = replace(start, seed=None, mix=None)
        keeps = old is not None and keeps_shape(old, start)
        edited = keeps and any(node.round is not None or node.kept for node in history.path(history.cursor))
        if here is not None and old is not None and edited:
            fresh = appearance(document.latent(here.latent_id, generator), old, start, fresh)
        self.rounds.stop()
        body = {
            "parent": None if here is None else here.id,
            "spec": start.as_json(),
            "model": asdict(facts_of(generator)),
            "keep_points": keeps,
            "keep_drag": edited,
            "base": base,
        }
        document.record("start", body, latent_bytes(fresh))

    def set_points(self, points: Sequence[Point], gesture_done: bool = True) -> None:
        """Set all points. Within a gesture only the view changes; its end makes one entry of the history.

        While a drag runs, its targets move at once, handles stay where the drag has them, and no points may be added or
        removed. If the drag arrives while a target is still being pulled, it goes on as soon as the target is pulled
        further.

        Raises:
            DraglabError: a point is outside the image, two points have the same id, or points were added or removed
                while a drag runs.
        """
        self._check_places(points)
        if self.rounds.replaying:
            self.rounds.stop()
        steered = self.rounds.steer(points, pulling=not gesture_done)
        self.document.preview = None if steered or gesture_done else tuple(points)
        if gesture_done and not steered:
            self.document.record_points(points)

    def _check_places(self, points: Sequence[Point]) -> None:
        model = self.document.history.models[self.document.history.node.start_id]
        if len({point.id for point in points}) < len(points):
            raise DraglabError("two points have the same id: give each its own")
        if points:
            validate_points([point.handle for point in points], model.height, model.width, "handle")
        if targets := [point.target for point in points if point.target is not None]:
            validate_points(targets, model.height, model.width, "target")

    def add_point(self, point: Point) -> None:
        """Add a point after the others, or replace the point with the same id.

        A running drag is paused first, see :meth:`Rounds.stop`.

        Raises:
            DraglabError: the point is outside the image.
        """
        self.rounds.stop(paused=True)
        point = point.pinned() if point.pin else point
        points = list(self.document.points)
        at = next((index for index, each in enumerate(points) if each.id == point.id), len(points))
        points[at : at + 1] = [point]
        self.set_points(points)

    def move_point(
        self,
        point: int | str,
        handle: XY | None = None,
        target: XY | None = None,
        no_target: bool = False,
        pin: bool | None = None,
        gesture_done: bool = True,
    ) -> None:
        """Change one point, which then no longer rests; None = unchanged.

        While a drag runs, targets move. Any other change pauses the drag first, see :meth:`Rounds.stop`.

        Args:
            no_target: remove the target.
            pin: True = pin the point where it is, False = release it. A pin that gets a target is a handle again.

        Raises:
            DraglabError: there is no such point, or a position is outside the image.
        """
        was_pin = any(each.pin for each in self.document.points if each.id == point)
        if handle is not None or no_target or pin is not None or was_pin:
            self.rounds.stop(paused=True)
        points = self.document.history.node.points
        old = next((each for each in points if each.id == point), None)
        if old is None:
            raise DraglabError("this handle is no longer there: press on the picture again")
        goal = None if no_target or pin is False else target or old.target
        new = replace(old, handle=handle or old.handle, target=goal, pin=False, resting=False)
        if pin or (pin is None and was_pin and target is None and not no_target):
            new = new.pinned()
        self.set_points([new if each.id == point else each for each in points], gesture_done)

    def pull(self, points: Sequence[Point], gesture: int, done: bool = False) -> None:
        """Pull points, new or known, so that the image follows; see :meth:`Rounds.pull`.

        Raises:
            DraglabError: a point has no target, or is outside the image, or two points have the same id.
        """
        if any(point.target is None for point in points):
            raise DraglabError("a pull needs a target: give one")
        self._check_places(points)
        self.rounds.pull(points, gesture, done)

    def remove_points(self, ids: Iterable[int | str] | None = None) -> None:
        """Remove points, ignoring unknown ids; None = all. A running drag is paused first."""
        self.rounds.stop(paused=True)
        gone = None if ids is None else set(ids)
        self.set_points([each for each in self.document.points if gone is not None and each.id not in gone])

    def set_mask(self, mask: NDArray[np.bool_] | None, feather: float = 0.0) -> None:
        """Set the region that may move, as one entry of the history.

        Args:
            mask: bool [H, W], True = movable; None, or True everywhere, = everything may move.
            feather: softness of the mask's edges, pixels.

        Raises:
            DraglabError: the mask does not have the image's size, or the feather is out of range.
        """
        model = self.document.history.models[self.document.history.node.start_id]
        if not 0 <= feather <= MAX_FEATHER:
            raise DraglabError(f"feather is {feather}: it must be from 0 to {MAX_FEATHER:g} pixels")
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != (model.height, model.width)):
            needed = [model.height, model.width]
            raise DraglabError(f"the mask is {mask.dtype} {list(mask.shape)}: give bool {needed}, the image's size")
        self.rounds.stop()
        self.document.record_mask(mask, float(feather))

    def set_settings(self, changes: Mapping[str, SettingValue]) -> None:
        """Change fields of DragSettings for the following drags; not part of the history.

        Raises:
            DraglabError: an unknown name, or a value that is not allowed.
        """
        self.document.record_settings(self.document.settings({**self.document.history.settings, **changes}))

    def rename(self, name: str) -> None:
        """Name the session; not part of the history.

        Args:
            name: stripped, runs of white space joined, and cut to MAX_NAME characters; "" = no name.
        """
        name = " ".join(name.split())[:MAX_NAME].strip()
        if name != self.document.history.name:
            self.document.record("name", {"name": name})

    def reset_settings(self, names: Iterable[str] | None = None) -> None:
        """Reset settings to their defaults; None = all of them."""
        settings = self.document.history.settings
        forget = set(settings if names is None else names)
        self.document.record_settings(self.document.settings({k: v for k, v in settings.items() if k not in forget}))

    # Moving in the history.

    def undo(self) -> None:
        """Show the previous state, or that before a pull whose hand is still down.

        Raises:
            DraglabError: there is nothing to undo.
        """
        if self.rounds.pulling:
            self.rounds.take_back()
            return
        self._go(self.document.history.undo_node, "there is nothing to undo")

    def redo(self) -> None:
        """Show the state that was last undone.

        Raises:
            DraglabError: there is nothing to redo.
        """
        self._go(self.document.history.redo_node, "there is nothing to redo")

    def goto(self, node: int) -> None:
        """Show any state of the history.

        Raises:
            DraglabError: there is no such node.
        """
        self._go(self.document.history.get(node).id, "")

    def continue_from(self, node: int, frame: int) -> None:
        """Begin a new branch at step `frame` of a round, 0 = before the first; the round stays as it is.

        Raises:
            DraglabError: there is no such step.
        """
        found = self.document.history.get(node)
        if self.document.history.frame(found, frame) is None:
            self._go(found.parent, "")
        else:
            self.rounds.stop()
            self.document.record("continue", {"parent": node, "frame": frame})

    def _go(self, node: int | None, otherwise: str) -> None:
        if node is None:
            raise DraglabError(otherwise)
        # A person who moves in the history does not look at the drag's last step.
        self.rounds.stop(keep_best=True)
        if node != self.document.history.cursor:
            self.document.record("cursor", {"node": node})
