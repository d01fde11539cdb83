"""What a client of the websocket asks of its session without changing it. Used on the worker's thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from draglab.errors import DraglabError
from draglab.server import help_messages as h
from draglab.server import messages as m
from draglab.server.limits import Limits
from draglab.server.live_session import LiveSession
from draglab.server.outbox import Outbox, Picture
from draglab.server.worker import Worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from draglab.editor.named_edits import NamedPoints
    from draglab.editor.quality import HandleQuality


class Asker(Protocol):
    """A client that asks.

    Attributes:
        owner: the person, see Access.owner. outbox: receives the pictures for the client. height: height of the shown
            image, device pixels; 0 = the image's.
    """

    owner: str | None
    outbox: Outbox
    height: int

    def send(self, message: m.ServerMessage) -> None:
        """Put a message into the outbox."""
        ...


class Questions:
    """The questions of one client.

    Args:
        client: whom the answers are for.
    """

    def __init__(self, client: Asker, worker: Worker, limits: Limits) -> None:
        self._client, self._worker, self._limits = client, worker, limits

    def answer(self, command: m.Command, live: LiveSession) -> None:
        """Answer a command that changes nothing in the session.

        Raises:
            DraglabError: it cannot be answered.
        """
        session = live.session
        match command:
            case h.CheckHandle():
                check = session.help.check_handle((command.x, command.y))
                # Not on the worker: its first answer for an image takes as long as many steps.
                self._worker.painter.wish((self._client, "check", command.id), lambda: self._check(command, check))
            case h.CheckLocality():
                from draglab.editor.held import held_map

                held = held_map(session.document, [(way.handle, way.target) for way in command.ways])
                self._client.send(h.Locality(id=command.id, held=None if held is None else held.tolist()))
            case h.RegionPoints():
                find = session.help.region_points(command.polygon, command.count)
                self._worker.painter.wish((self._client, "region", command.id), lambda: self._region(command, find))
            case h.ListNamedEdits():
                names = session.help.named_edits()
                self._worker.painter.wish((self._client, "named"), lambda: self._named_edits(command, names))
            case h.PlaceNamedEdit():
                place = session.help.named_points({command.name: command.strength})
                self._worker.painter.wish((self._client, "ways", command.id), lambda: self._ways(command, place))
            case m.Scrub():
                self._wish("scrub", command, live, command.node, command.frame)
            case m.Seeds():
                self._worker.withdraw(lambda key: key[:2] == (self._client, "seed"))
                self._client.outbox.discard_pictures({"seed"})
                for seed in command.seeds:
                    self._wish("seed", command, live, seed)
            case m.Describe():
                from draglab.editor.descriptions import as_command, as_python

                found = (as_command if command.as_ == "command" else as_python)(session.document)
                self._client.send(m.Text(id=command.id, text=found.text, needs_edit_file=found.edit_file is not None))
            case _:
                raise DraglabError(f"{command.type!r} is not possible here: use the whole editor, draglab edit")

    def _check(self, command: h.CheckHandle, check: Callable[[], HandleQuality]) -> None:
        """Answer a CheckHandle; called on the painter's thread."""
        try:
            quality = check()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        self._client.send(
            h.HandleQuality(
                id=command.id,
                x=command.x,
                y=command.y,
                distinctive=quality.distinctive,
                nearest=quality.nearest,
                score=quality.score,
            )
        )

    def _region(self, command: h.RegionPoints, find: Callable[[], NDArray[np.float64]]) -> None:
        """Answer a RegionPoints; called on the painter's thread."""
        try:
            points = find()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        self._client.send(h.Region(id=command.id, points=[(float(x), float(y)) for x, y in points]))

    def _named_edits(self, command: h.ListNamedEdits, names: Callable[[], list[str]]) -> None:
        """Answer a ListNamedEdits; called on the painter's thread, as a model's first answer takes an image."""
        from draglab.editor.named_edits import NAMED_EDITS

        edits = [h.NamedEditTitle(name=name, title=NAMED_EDITS[name].title) for name in names()]
        self._client.send(h.NamedEdits(id=command.id, edits=edits))

    def _ways(self, command: h.PlaceNamedEdit, place: Callable[[], NamedPoints]) -> None:
        """Answer a PlaceNamedEdit; called on the painter's thread."""
        try:
            points = place()
        except DraglabError as error:
            self._client.send(m.Error(id=command.id, message=str(error)))
            return
        pairs = zip(points.handles.tolist(), points.targets.tolist(), strict=True)
        ways = [h.Way(handle=(handle[0], handle[1]), target=(target[0], target[1])) for handle, target in pairs]
        self._client.send(h.Ways(id=command.id, ways=ways))

    def _wish(self, kind: m.PictureKind, command: m.Scrub | m.Seeds, live: LiveSession, *what: int) -> None:
        """Ask for a picture for this client alone."""

        def make() -> None:
            try:
                self._client.outbox.put_picture(self._picture(command, live, *what))
            except DraglabError as error:
                self._client.send(m.Error(id=command.id, message=str(error)))

        urgent = kind == "scrub"
        self._worker.wish((self._client, kind) if urgent else (self._client, kind, *what), make, urgent)

    def _picture(self, command: m.Scrub | m.Seeds, live: LiveSession, *what: int) -> Picture:
        pictures = live.session.pictures
        match command:
            case m.Scrub(node=node, frame=frame):
                pixels = pictures.frame(node, frame, self._client.height or None)
                return Picture("scrub", pixels, node=node, frame=frame)
            case m.Seeds(truncation_psi=psi, height=height):
                height = min(height, self._limits.picture_height)
                return Picture("seed", pictures.of_seed(what[0], psi, height), seed=what[0])
