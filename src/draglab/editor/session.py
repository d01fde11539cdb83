"""An editing session: a document with its history, and the drag that may be running in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import DragSettings
from draglab.editor.document import Document, GeneratorOf, facts_of, latent_bytes
from draglab.editor.dragging import record_mask
from draglab.editor.journal import Journal
from draglab.editor.replay import Replay
from draglab.editor.settings import read_settings
from draglab.editor.showing import Showing
from draglab.editor.start_latent import appearance, keeps_shape, spec_of_file, start_latent
from draglab.editor.state import XY, Point, StartSpec, StepReport
from draglab.errors import DraglabError
from draglab.geometry import validate_points
from draglab.media.edit_file import EditFile, SettingValue

MAX_NAME = 80
"""Longest name of a session, in characters."""
MAX_FEATHER = 1000.0
"""Softest edges of a mask, in pixels, as in edit files."""


class EditingSession(Showing):
    """One person's work on one image after another, with its whole history.

    Nothing is computed unless a method is called, and every change is on disk before its method returns. The owner of
    the generators calls :meth:`step` repeatedly while :attr:`running`, and may take turns with other sessions. Changes
    of the document end a running drag first, except for changes of settings and of the drag's targets.

    Use :meth:`create`, :meth:`open` or :meth:`from_edit_file` to make one.
    """

    @classmethod
    def create(cls, journal: Journal, generator_of: GeneratorOf, start: StartSpec) -> EditingSession:
        """Create a new session.

        Raises:
            DraglabError: the start does not fit its model, or nothing can be written.
        """
        generator = generator_of(start.model)
        start_latent(start, generator)  # raises before an empty session is left behind
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
        """Create a session that replays the rounds of an edit file, one :meth:`step` at a time, and goes on from there.

        Args:
            model: name under which `generator_of` knows the model; None = the name in the file.

        Raises:
            DraglabError: the file does not fit the model.
        """
        spec = spec_of_file(edit, edit.model.name if model is None else model)
        Replay(edit, generator_of(spec.model))  # checks all rounds
        session = cls.create(journal, generator_of, spec)
        session._dragging.queue.extend(edit.rounds)
        return session

    def close(self) -> None:
        """End the running drag, if there is one. The session can be opened again."""
        self._dragging.stop()

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
        document, history = self._document, self._document.history
        generator = document.generator_of(start.model)
        here = history.nodes.get(history.cursor)
        old = None if here is None else history.start_of(here)
        base = None
        if here is not None and start.seed is None and start.w_plus is None:
            base = history.nodes[here.start_id].base_id
            if base is None or old is None or old.model != start.model:
                raise DraglabError("there are no values to start from: give a seed")
        fresh = start_latent(start, generator, None if base is None else document.latent(base, generator))
        if start.w_plus is not None:
            start = replace(start, seed=None, mix=None)
        keeps = old is not None and keeps_shape(old, start)
        edited = keeps and any(node.round is not None or node.kept for node in history.path(history.cursor))
        if here is not None and old is not None and edited:
            fresh = appearance(document.latent(here.latent_id, generator), old, start, fresh)
        self._halt()
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
        document, node = self._document, self._document.history.node
        model = document.history.models[node.start_id]
        if len({point.id for point in points}) < len(points):
            raise DraglabError("two points have the same id: give each its own")
        if points:
            validate_points([point.handle for point in points], model.height, model.width, "handle")
        if targets := [point.target for point in points if point.target is not None]:
            validate_points(targets, model.height, model.width, "target")
        if self._dragging.replaying:
            self._halt()
        if self._dragging.steer(points, pulling=not gesture_done):
            self._preview = None
        elif not gesture_done:
            self._preview = tuple(points)
        else:
            self._preview = None
            if tuple(points) != document.history.node.points:
                document.record("points", {"parent": document.history.cursor, "points": [asdict(p) for p in points]})

    def add_point(self, point: Point) -> None:
        """Add a point after the others, or replace the point with the same id.

        A running drag is paused first, see :meth:`pause`.

        Raises:
            DraglabError: the point is outside the image.
        """
        self.pause()
        point = point.pinned() if point.pin else point
        points = list(self.points)
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

        While a drag runs, targets move. Any other change pauses the drag first, see :meth:`pause`.

        Args:
            no_target: remove the target.
            pin: True = pin the point where it is, False = release it. A pin that gets a target is a handle again.

        Raises:
            DraglabError: there is no such point, or a position is outside the image.
        """
        was_pin = any(each.pin for each in self.points if each.id == point)
        if handle is not None or no_target or pin is not None or was_pin:
            self.pause()
        points = self._document.history.node.points
        old = next((each for each in points if each.id == point), None)
        if old is None:
            raise DraglabError("this handle is no longer there: press on the picture again")
        goal = None if no_target or pin is False else target or old.target
        new = replace(old, handle=handle or old.handle, target=goal, pin=False, resting=False)
        if pin or (pin is None and was_pin and target is None and not no_target):
            new = new.pinned()
        self.set_points([new if each.id == point else each for each in points], gesture_done)

    def remove_points(self, ids: Iterable[int | str] | None = None) -> None:
        """Remove points, ignoring unknown ids; None = all. A running drag is paused first, see :meth:`pause`."""
        self.pause()
        gone = None if ids is None else set(ids)
        self.set_points([each for each in self.points if gone is not None and each.id not in gone])

    def set_mask(self, mask: NDArray[np.bool_] | None, feather: float = 0.0) -> None:
        """Set the region that may move, as one entry of the history.

        Args:
            mask: bool [H, W], True = movable; None, or True everywhere, = everything may move.
            feather: softness of the mask's edges, pixels.

        Raises:
            DraglabError: the mask does not have the image's size, or the feather is out of range.
        """
        model = self._document.history.models[self._document.history.node.start_id]
        if not 0 <= feather <= MAX_FEATHER:
            raise DraglabError(f"feather is {feather}: it must be from 0 to {MAX_FEATHER:g} pixels")
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != (model.height, model.width)):
            needed = [model.height, model.width]
            raise DraglabError(f"the mask is {mask.dtype} {list(mask.shape)}: give bool {needed}, the image's size")
        self._halt()
        record_mask(self._document, mask, float(feather))

    def set_settings(self, changes: Mapping[str, SettingValue]) -> None:
        """Change fields of DragSettings for the following drags; not part of the history.

        Raises:
            DraglabError: an unknown name, or a value that is not allowed.
        """
        changed = asdict(read_settings({**self._document.history.settings, **changes}))
        default = asdict(DragSettings())
        self._keep_settings({name: value for name, value in changed.items() if value != default[name]})

    def rename(self, name: str) -> None:
        """Name the session; not part of the history.

        Args:
            name: stripped, runs of white space joined, and cut to MAX_NAME characters; "" = no name.
        """
        name = " ".join(name.split())[:MAX_NAME].strip()
        if name != self._document.history.name:
            self._document.record("name", {"name": name})

    def reset_settings(self, names: Iterable[str] | None = None) -> None:
        """Reset settings to their defaults; None = all of them."""
        forget = set(self._document.history.settings if names is None else names)
        self._keep_settings({k: v for k, v in self._document.history.settings.items() if k not in forget})

    # Dragging.

    def start_round(self) -> None:
        """Begin a drag of the points pulled since the last round, or, if there are none, of that round's points.

        Points of the last round that were not pulled since are removed when others are dragged.

        Raises:
            DraglabError: no point has to move, a drag runs already, or points, mask or settings do not fit.
        """
        self._preview = None
        self._dragging.start()

    def go_on(self) -> None:
        """Continue the current drag after it stopped by itself (SessionView.can_go_on), without patience.

        Raises:
            DraglabError: the drag arrived or was stopped, or something else was done since.
        """
        self._preview = None
        self._dragging.go_on()

    def step(self) -> StepReport | None:
        """Make one step of the running drag; None if nothing runs, or if the drag ended without a step.

        Raises:
            DraglabError: a round of an opened edit file does not fit.
        """
        return self._dragging.step()

    def stop(self) -> None:
        """End the drag at its last step; do nothing if none runs."""
        self._dragging.stop()

    def pause(self) -> None:
        """End the drag at its last step, so that points can be changed; the next drag goes on with its points."""
        self._dragging.stop(paused=True)
        self._preview = None

    # Moving in the history.

    def undo(self) -> None:
        """Show the previous state.

        Raises:
            DraglabError: there is nothing to undo.
        """
        self._go(self._document.history.undo_node, "there is nothing to undo")

    def redo(self) -> None:
        """Show the state that was last undone.

        Raises:
            DraglabError: there is nothing to redo.
        """
        self._go(self._document.history.redo_node, "there is nothing to redo")

    def goto(self, node: int) -> None:
        """Show any state of the history.

        Raises:
            DraglabError: there is no such node.
        """
        self._go(self._document.history.get(node).id, "")

    def continue_from(self, node: int, frame: int) -> None:
        """Begin a new branch at step `frame` of a round, 0 = before the first; the round stays as it is.

        Raises:
            DraglabError: there is no such step.
        """
        found = self._document.history.get(node)
        if self._document.history.frame(found, frame) is None:
            self._go(found.parent, "")
        else:
            self._halt()
            self._document.record("continue", {"parent": node, "frame": frame})

    def _halt(self, keep_best: bool = False) -> None:
        self._dragging.stop(keep_best)
        self._preview = None

    def _go(self, node: int | None, otherwise: str) -> None:
        if node is None:
            raise DraglabError(otherwise)
        # A person who moves in the history does not look at the drag's last step.
        self._halt(keep_best=True)
        if node != self._document.history.cursor:
            self._document.record("cursor", {"node": node})

    def _keep_settings(self, changed: dict[str, SettingValue]) -> None:
        if changed != self._document.history.settings:
            self._document.record("settings", {"changed": changed})
