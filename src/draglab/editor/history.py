"""The history of a session: an append-only tree of states.

It is a fold over the journal's entries: a running session and one that is opened again apply the same entries, so they
cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from draglab.editor.state import XY, Frame, ModelFacts, Node, Point, RoundRecord, StartSpec
from draglab.errors import DraglabError
from draglab.media.edit_file import FORMER_SETTINGS, Retarget, SettingValue, first_order_settings


@dataclass(frozen=True)
class Entry:
    """One change of a session; `number` counts from 1 within it, `created` is in seconds since 1970."""

    number: int
    kind: str
    body: dict[str, Any]
    created: float


class History:
    """State of a session after its entries.

    Attributes:
        nodes: nodes by id, in order of creation. cursor: id of the current node.
        settings: fields of DragSettings that were changed.
        feathers: softness of the masks' edges in pixels, by the number of the entry that holds the mask.
        name: name that the person gave the session, "" = none yet.
        models: facts about the generator, by the id of the start's node.
        last: number of the last entry.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.cursor = 0
        self.settings: dict[str, SettingValue] = {}
        self.feathers: dict[int, float] = {}
        self.name = ""
        self.models: dict[int, ModelFacts] = {}
        self.last = 0
        self._visited: dict[int, int] = {}
        self._apply: dict[str, Callable[[Entry], None]] = {
            "start": self._start,
            "points": self._points,
            "mask": self._mask,
            "round": self._round,
            "frame": self._frame,
            "retarget": self._retarget,
            "moves": self._moves,
            "end": self._end,
            "resume": self._resume,
            "continue": self._continue,
            "cursor": self._cursor,
            "settings": self._settings,
            "name": self._name,
        }

    def apply(self, entry: Entry) -> None:
        """Apply the next entry."""
        self._apply[entry.kind](entry)
        self.last = entry.number

    @property
    def node(self) -> Node:
        """The current node."""
        return self.nodes[self.cursor]

    @property
    def undo_node(self) -> int | None:
        """Id of the node that undo shows; None if there is nothing to undo."""
        return self.node.parent

    @property
    def redo_node(self) -> int | None:
        """Id of the node that redo shows, the child visited last; None if there is none."""
        return self._visited.get(self.cursor)

    def get(self, node: int) -> Node:
        """Return a node by its id.

        Raises:
            DraglabError: there is no such node.
        """
        if node not in self.nodes:
            raise DraglabError(f"there is no entry {node} in this session's history: choose one of the list")
        return self.nodes[node]

    def start_of(self, node: Node) -> StartSpec:
        """Return the start of a node's image."""
        start = self.nodes[node.start_id].start
        assert start is not None
        return start

    def path(self, node: int) -> list[Node]:
        """Return the nodes from the start of a node's image to the node, both included."""
        found = [self.get(node)]
        while found[-1].kind != "start":
            parent = found[-1].parent
            assert parent is not None
            found.append(self.nodes[parent])
        return found[::-1]

    def frame(self, node: Node, place: int) -> Frame | None:
        """Return a frame of a round by its place, counted from 1; None for 0, the state before the first step.

        Raises:
            DraglabError: the node is not a round, or has no such frame.
        """
        if node.round is None:
            raise DraglabError("only a drag has steps: choose one in the history")
        count = len(node.round.frames)
        if not 0 <= place <= count:
            raise DraglabError(f"this drag has the steps 0 to {count}: there is no step {place}")
        return node.round.frames[place - 1] if place else None

    # The methods that apply the kinds of entries.

    def _start(self, entry: Entry) -> None:
        body = entry.body
        self.models[entry.number] = ModelFacts(**body["model"])
        spec = StartSpec.from_json(body["spec"])
        parent = self.nodes.get(body["parent"]) if body["parent"] is not None else None
        self._add(
            Node(
                id=entry.number,
                parent=body["parent"],
                kind="start",
                latent_id=entry.number,
                points=parent.points if parent and body["keep_points"] else (),
                mask_id=parent.mask_id if parent and body["keep_points"] else None,
                start_id=entry.number,
                created=entry.created,
                start=spec,
                kept=body["keep_drag"],
                base_id=entry.number if spec.seed is None and body["base"] is None else body["base"],
            )
        )

    def _points(self, entry: Entry) -> None:
        points = tuple(Point.from_json(point) for point in entry.body["points"])
        self._add(self._child(entry, kind="points", points=points))

    def _mask(self, entry: Entry) -> None:
        given = entry.body["given"]
        if given:
            self.feathers[entry.number] = entry.body["feather"]
        self._add(self._child(entry, kind="mask", mask_id=entry.number if given else None))

    def _round(self, entry: Entry) -> None:
        ids = entry.body["ids"]
        left = set(entry.body.get("left", ()))
        pulled = entry.body.get("points")
        before = self.nodes[entry.body["parent"]].points if pulled is None else tuple(map(Point.from_json, pulled))
        points = _resting(before, ids, False)
        points = tuple(point for point in points if point.id not in left)
        by_id = {point.id: point for point in points}
        dragged = [by_id[each] for each in ids]
        targets = tuple(point.target for point in dragged if point.target is not None)
        settings = _complete(entry.body["settings"])
        record = RoundRecord(tuple(ids), tuple(point.handle for point in dragged), targets, settings)
        self._add(self._child(entry, kind="round", round=record, points=points))

    def _frame(self, entry: Entry) -> None:
        node, record = self._running(entry.body)
        handles = tuple((float(x), float(y)) for x, y in entry.body["handles"])
        step = entry.body.get("step", record.steps + 1)
        record.frames.append(Frame(step, entry.number, handles, entry.body["loss"]))
        self._show_frame(node, record, step)

    def _retarget(self, entry: Entry) -> None:
        node, record = self._running(entry.body)
        asked = {point["id"]: Point.from_json(point).target for point in entry.body["points"]}
        points = tuple(replace(point, target=asked[point.id]) for point in node.points)
        self.nodes[node.id] = replace(node, points=points)
        targets = tuple(target for each in record.ids if (target := asked[each]) is not None)
        after = entry.body.get("after", record.steps)
        if after == 0:
            record.targets = targets
            return
        if record.moves and record.moves[-1].after == after:
            record.moves.pop()
        record.moves.append(Retarget(after=after, targets=[list(target) for target in targets]))

    def _moves(self, entry: Entry) -> None:
        """Take the moves of a pull's targets, which are recorded together, before its frames."""
        node, record = self._running(entry.body)
        record.moves = [Retarget.model_validate(move) for move in entry.body["moves"]]
        if any(len(move.targets) != len(record.ids) for move in record.moves):
            raise ValueError("a target is missing")
        targets = dict(zip(record.ids, record.targets_after(record.moves[-1].after), strict=True))
        self.nodes[node.id] = replace(node, points=_moved(node.points, {}, targets))

    def _end(self, entry: Entry) -> None:
        node, record = self._running(entry.body)
        record.end = entry.body["reason"]
        kept = entry.body.get("kept")
        if kept is not None and kept != record.steps:
            record.kept = kept
            self._show_frame(node, record, kept)
        if not entry.body.get("paused", False):
            self._rest(node.id, record, True)

    def _resume(self, entry: Entry) -> None:
        node, record = self._running(entry.body)
        record.end = record.kept = None
        record.settings = _complete(entry.body.get("settings", record.settings))
        self._show_frame(node, record, record.steps)
        self._rest(node.id, record, False)

    def _rest(self, node: int, record: RoundRecord, resting: bool) -> None:
        """Set whether the points of a round rest."""
        self.nodes[node] = replace(self.nodes[node], points=_resting(self.nodes[node].points, record.ids, resting))

    def _show_frame(self, node: Node, record: RoundRecord, step: int) -> None:
        """Make a round's node show one of its recorded steps, by its number."""
        if step == 0:
            return
        frame = record.frames[record.place(step) - 1]
        points = _moved(node.points, dict(zip(record.ids, frame.handles, strict=True)))
        self.nodes[node.id] = replace(node, latent_id=frame.latent_id, points=points)

    def _continue(self, entry: Entry) -> None:
        node = self.nodes[entry.body["parent"]]
        frame = self.frame(node, place := entry.body["frame"])
        assert frame is not None and node.round is not None
        points = _moved(
            node.points,
            dict(zip(node.round.ids, frame.handles, strict=True)),
            dict(zip(node.round.ids, node.round.targets_after(frame.step), strict=True)),
        )
        changes = {"latent_id": frame.latent_id, "points": points, "frame": place, "step": frame.step}
        self._add(self._child(entry, kind="continue", **changes))

    def _cursor(self, entry: Entry) -> None:
        self._visit(entry.body["node"])

    def _settings(self, entry: Entry) -> None:
        self.settings = entry.body["changed"]

    def _name(self, entry: Entry) -> None:
        self.name = entry.body["name"]

    def _running(self, body: Mapping[str, Any]) -> tuple[Node, RoundRecord]:
        node = self.nodes[body["node"]]
        assert node.round is not None
        return node, node.round

    def _child(self, entry: Entry, **changes: Any) -> Node:
        """Make a node like its parent, with changes."""
        parent = self.nodes[entry.body["parent"]]
        own: dict[str, Any] = {
            "start": None,
            "round": None,
            "frame": None,
            "step": None,
            "kept": False,
            "base_id": None,
        }
        return replace(parent, id=entry.number, parent=parent.id, created=entry.created, **{**own, **changes})

    def _add(self, node: Node) -> None:
        self.nodes[node.id] = node
        self._visit(node.id)

    def _visit(self, node: int) -> None:
        """Make a node the current one, and the one to which redo leads back from its ancestors."""
        self.cursor = node
        while (parent := self.nodes[node].parent) is not None:
            self._visited[parent] = node
            node = parent


def _complete(settings: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Return a round's settings with those that draglab did not have yet when the round was recorded."""
    return first_order_settings({**FORMER_SETTINGS, **settings})


def _resting(points: tuple[Point, ...], ids: Collection[int | str], resting: bool) -> tuple[Point, ...]:
    """Return the points with `resting` set for those with these ids; pins stay as they are."""
    return tuple(replace(point, resting=resting) if point.id in ids and not point.pin else point for point in points)


def _moved(
    points: tuple[Point, ...], handles: Mapping[int | str, XY], targets: Mapping[int | str, XY] | None = None
) -> tuple[Point, ...]:
    """Return the points with the given handles and targets in place of their own."""
    other = targets or {}
    return tuple(
        replace(point, handle=handles.get(point.id, point.handle), target=other.get(point.id, point.target))
        for point in points
    )
