"""An editing session: a document with a history, and a drag that may be running in it."""

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
from draglab.editor.starting import appearance, keeps_shape, spec_of_file, start_latent
from draglab.editor.state import XY, Point, StartSpec, StepReport
from draglab.errors import DraglabError
from draglab.geometry import validate_points
from draglab.media.edit_file import EditFile, SettingValue

MAX_NAME = 80
"""Letters of a session's name."""
MAX_FEATHER = 1000.0
"""Pixels, as in edit files."""


class EditingSession(Showing):
    """One person's work on one image after another, with its whole history.

    Nothing is computed unless a method is called, and every change is on disk before its method returns. Whoever owns
    the generators calls :meth:`step` again and again while :attr:`running`, and can do so in turn with other sessions.
    What changes the document while a drag runs ends the drag first; settings and the targets of a running drag may
    change.

    Made by :meth:`create`, :meth:`open` or :meth:`from_edit_file`.
    """

    @classmethod
    def create(cls, journal: Journal, generator_of: GeneratorOf, start: StartSpec) -> EditingSession:
        """A new session.

        Raises:
            DraglabError: the start does not fit its model, or nothing can be written.
        """
        generator = generator_of(start.model)
        start_latent(start, generator)  # so that what does not fit leaves no session behind
        session = cls(Document(journal, journal.create(), generator_of))
        session.set_start(start)
        return session

    @classmethod
    def open(cls, journal: Journal, generator_of: GeneratorOf, session_id: str) -> EditingSession:
        """A session as it was left, or as it was when its process ended.

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
        """A new session that makes the rounds of an edit file again, a :meth:`step` at a time, and goes on from there.

        Args:
            model: the name that `generator_of` knows the model by, None = as the file says.

        Raises:
            DraglabError: the file does not fit the model.
        """
        spec = spec_of_file(edit, edit.model.name if model is None else model)
        Replay(edit, generator_of(spec.model))  # checks all rounds
        session = cls.create(journal, generator_of, spec)
        session._dragging.queue.extend(edit.rounds)
        return session

    def close(self) -> None:
        """End the drag that runs, if one does. The session can be opened again."""
        self._dragging.stop()

    # Changes of the document.

    def set_start(self, start: StartSpec) -> None:
        """Another image. Points and mask are for the image before, unless the new one differs only in what is mixed in:
        then they stay, and so does what was dragged, in the layers below.

        Args:
            start: without seed and values, those that the present image has.

        Raises:
            DraglabError: it does not fit the model.
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
        """All points. Within a gesture nothing but the view changes; its end makes one entry of the history.

        While a drag runs, its targets move at once, handles stay where the drag has them, and no points may be added or
        removed. If the drag arrives while a target is still being pulled, it goes on as soon as the target is pulled
        further.

        Raises:
            DraglabError: a point is outside the image, two have one id, or points came or went while a drag runs.
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
        """One more point, after the others. One of the same id is replaced: said twice, it is the same.

        A drag that runs is paused first, see :meth:`pause`.

        Raises:
            DraglabError: it is outside the image.
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
        """Change something of one point; None = as it is. It rests no more.

        While a drag runs, targets move. Anything else pauses the drag first, see :meth:`pause`.

        Args:
            no_target: take its target away. pin: hold it where it is now, or let go of it. A pin that gets a target
                is a handle again.

        Raises:
            DraglabError: there is no such point, or a place is outside the image.
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
        """Take points away, those that there are; None = all. A drag that runs is paused first, see :meth:`pause`."""
        self.pause()
        gone = None if ids is None else set(ids)
        self.set_points([each for each in self.points if gone is not None and each.id not in gone])

    def set_mask(self, mask: NDArray[np.bool_] | None, feather: float = 0.0) -> None:
        """What may move: one entry of the history.

        Args:
            mask: bool [H, W], True = movable; None, or True everywhere, = everything.
            feather: by how many pixels its edges are softened.

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
        """Change fields of DragSettings for the drags that follow; no part of the history.

        Raises:
            DraglabError: an unknown name, or a value that is not possible.
        """
        changed = asdict(read_settings({**self._document.history.settings, **changes}))
        default = asdict(DragSettings())
        self._keep_settings({name: value for name, value in changed.items() if value != default[name]})

    def rename(self, name: str) -> None:
        """Call the session something; no part of the history.

        Args:
            name: white space around it and beyond MAX_NAME letters is left out; "" = it has no name.
        """
        name = " ".join(name.split())[:MAX_NAME].strip()
        if name != self._document.history.name:
            self._document.record("name", {"name": name})

    def reset_settings(self, names: Iterable[str] | None = None) -> None:
        """Give settings their defaults again; None = all of them."""
        forget = set(self._document.history.settings if names is None else names)
        self._keep_settings({k: v for k, v in self._document.history.settings.items() if k not in forget})

    # Dragging.

    def start_round(self) -> None:
        """Begin to drag the points that have a target: those pulled since the last round, or, if none was, those of
        the last round again. What the last round dragged and nobody pulled since is gone when others are dragged.

        Raises:
            DraglabError: none has, one runs already, or points, mask or settings do not fit.
        """
        self._preview = None
        self._dragging.start()

    def go_on(self) -> None:
        """Continue the drag that is shown and that stopped by itself (SessionView.can_go_on), whatever it brings.

        Raises:
            DraglabError: it arrived or was stopped, or other things were done since.
        """
        self._preview = None
        self._dragging.go_on()

    def step(self) -> StepReport | None:
        """Make one step of what runs; None when there is none, or when the drag ended without one.

        Raises:
            DraglabError: a round of an opened edit file does not fit.
        """
        return self._dragging.step()

    def stop(self) -> None:
        """End the drag where it is; nothing happens when none runs."""
        self._dragging.stop()

    def pause(self) -> None:
        """End the drag where it is so that points can be changed: its points are dragged on by the next one."""
        self._dragging.stop(paused=True)
        self._preview = None

    # Moving in the history.

    def undo(self) -> None:
        """Show the state before.

        Raises:
            DraglabError: there is none.
        """
        self._go(self._document.history.undo_node, "there is nothing to undo")

    def redo(self) -> None:
        """Show the state that was left by undo.

        Raises:
            DraglabError: there is none.
        """
        self._go(self._document.history.redo_node, "there is nothing to redo")

    def goto(self, node: int) -> None:
        """Show any state of the history.

        Raises:
            DraglabError: there is no such node.
        """
        self._go(self._document.history.get(node).id, "")

    def continue_from(self, node: int, frame: int) -> None:
        """Go on from step `frame` of a round, 0 = before the first: a new branch; the round stays as it is.

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
        # Who leaves a drag alone has no eye on its last step.
        self._halt(keep_best=True)
        if node != self._document.history.cursor:
            self._document.record("cursor", {"node": node})

    def _keep_settings(self, changed: dict[str, SettingValue]) -> None:
        if changed != self._document.history.settings:
            self._document.record("settings", {"changed": changed})
