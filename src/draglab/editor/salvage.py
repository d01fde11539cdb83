"""Recovery of damaged journals: rows of a broken database, and the sound beginning of a broken session."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from draglab.editor.history import Entry, History
from draglab.editor.round_runner import EndReason
from draglab.editor.state import RoundRecord
from draglab.errors import DraglabError
from draglab.media.edit_file import SettingValue

MAX_ROWS = 10_000_000
"""Most rows to read from a damaged table, because a broken database may repeat itself."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Place = Annotated[list[Finite], Field(min_length=2, max_length=2, fail_fast=True)]
Side = Annotated[int, Field(ge=1, le=65536)]
Identifier = int | Annotated[str, Field(max_length=300)]


class _Body(BaseModel):
    """Required fields of an entry's body; further fields may come from another version and are ignored."""

    model_config = ConfigDict(defer_build=True, extra="ignore", strict=True)


class _Point(_Body):
    id: Identifier
    handle: Place
    target: Place | None
    pin: bool = False
    resting: bool = False


class _Mix(_Body):
    seed: int
    first_layer: int


class _Photo(_Body):
    file: Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
    name: str
    kind: Literal["png", "jpg", "webp"]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    figures: str
    verdict: str


class _Spec(_Body):
    model: str
    seed: int | None
    truncation_psi: Finite
    truncation_cutoff: int | None
    class_index: int | None
    class_vector: list[Finite] | None
    mix: _Mix | None
    photo: _Photo | None = None


class _Model(_Body):
    sha256: str
    width: Side
    height: Side
    num_ws: Side
    w_dim: Side
    c_dim: Annotated[int, Field(ge=0)]
    drag_settings: dict[str, SettingValue] = {}


class _Start(_Body):
    parent: int | None
    spec: _Spec
    model: _Model
    keep_points: bool
    keep_drag: bool
    base: int | None


class _Points(_Body):
    parent: int
    points: list[_Point]


class _Mask(_Body):
    parent: int
    given: bool
    feather: Annotated[Finite, Field(ge=0, le=1000)]


class _Round(_Body):
    parent: int
    ids: Annotated[list[Identifier], Field(min_length=1)]
    settings: dict[str, SettingValue]
    left: list[Identifier] = []
    points: list[_Point] | None = None


class _Frame(_Body):
    node: int
    handles: list[Place]
    loss: float
    step: Annotated[int, Field(ge=1)] = 1


class _Retarget(_Body):
    node: int
    after: Annotated[int, Field(ge=0)] = 0
    points: list[_Point]


class _Move(_Body):
    after: Annotated[int, Field(ge=1)]
    targets: list[Place]


class _Moves(_Body):
    node: int
    moves: Annotated[list[_Move], Field(min_length=1)]


class _End(_Body):
    node: int
    reason: EndReason
    kept: int | None = None
    paused: bool = False


class _Resume(_Body):
    node: int
    settings: dict[str, SettingValue] | None = None


class _Name(_Body):
    name: str


class _Node(_Body):
    node: int


class _Continue(_Body):
    parent: int
    frame: int


class _Settings(_Body):
    changed: dict[str, SettingValue]


_BODIES: dict[str, type[_Body]] = {
    "start": _Start,
    "points": _Points,
    "mask": _Mask,
    "round": _Round,
    "frame": _Frame,
    "retarget": _Retarget,
    "moves": _Moves,
    "end": _End,
    "resume": _Resume,
    "continue": _Continue,
    "cursor": _Node,
    "settings": _Settings,
    "name": _Name,
}


@dataclass(frozen=True)
class Row:
    """An entry as read from a database that may be damaged: its values can have any type.

    Attributes:
        size: size of its data in bytes, None = no data.
    """

    rowid: int
    number: Any
    kind: Any
    text: Any
    created: Any
    size: int | None

    def entry(self) -> Entry:
        """Convert to an entry.

        Raises:
            ValueError: a value has the wrong type, or the body is not JSON.
        """
        numbers = isinstance(self.number, int) and isinstance(self.created, int | float)
        if not (numbers and isinstance(self.kind, str) and isinstance(self.text, str) and self.number > 0):
            raise ValueError("a value has another type")
        body = json.loads(self.text)
        if not isinstance(body, dict):
            raise ValueError("the body is no object")
        return Entry(self.number, self.kind, body, self.created)


def sound_entries(rows: Iterable[Row]) -> list[Entry]:
    """Return the longest beginning of a session that can be opened, shown and continued.

    Args:
        rows: rows of one session, in order.
    """
    history, found = History(), []
    for row in rows:
        try:
            entry = row.entry()
            if (body := _BODIES.get(entry.kind)) is not None:
                body.model_validate(entry.body)
            _check_references(history, entry)
            history.apply(entry)
            _check_result(history, row)
        except (
            LookupError, TypeError, ValueError, AttributeError, AssertionError, OverflowError, RecursionError,
            ValidationError, DraglabError,
        ):  # fmt: skip
            break
        found.append(entry)
    return found


def _check_references(history: History, entry: Entry) -> None:
    """Check that everything that an entry refers to exists before it."""
    if not history.nodes and entry.kind != "start":
        raise ValueError("a session begins with a start")
    if entry.kind == "start":
        for name in ("parent", "base"):
            if entry.body[name] is not None and entry.body[name] not in history.nodes:
                raise ValueError(f"{name} is not there")
        if (entry.body["parent"] is None) != (not history.nodes):
            raise ValueError("one start is the first")
    if entry.kind == "round" and len(set(entry.body["ids"])) < len(entry.body["ids"]):
        raise ValueError("a point is dragged twice")


def _check_result(history: History, row: Row) -> None:
    """Check that an entry's result can be shown: its data has the size that the model needs, its round is complete."""
    if row.kind in ("start", "frame"):
        node = history.nodes[row.number if row.kind == "start" else row.entry().body["node"]]
        model = history.models[node.start_id]
        if row.size != 4 * model.num_ws * model.w_dim:
            raise ValueError("a latent has another size")
    if row.kind in ("frame", "end"):
        record = history.nodes[row.entry().body["node"]].round
        if record is not None:
            _check_round(record)
    if row.kind == "mask" and row.entry().body["given"] and not row.size:
        raise ValueError("a mask is missing")
    node = history.node
    if node.round is not None and not len(node.round.ids) == len(node.round.handles) == len(node.round.targets):
        raise ValueError("a point has no target")
    if len({point.id for point in node.points}) < len(node.points):
        raise ValueError("two points have one id")


def _check_round(record: RoundRecord) -> None:
    """Check that the newest frame follows the others, and the step that is kept is among them."""
    if len(record.frames) > 1 and record.frames[-1].step <= record.frames[-2].step:
        raise ValueError("steps are not in order")
    if record.kept is not None and record.frames[record.place(record.kept) - 1].step != record.kept:
        raise ValueError("the step that is kept is missing")


def recover(damaged: Path, into: sqlite3.Connection) -> set[str]:
    """Copy every row that can still be read from a damaged database, and return the ids of all sessions in it.

    Args:
        into: database of a new journal, which receives the rows.
    """
    known: set[str] = set()
    # The second attempt ignores the log beside the file, which may be what is damaged.
    for options in ("mode=ro", "mode=ro&immutable=1"):
        source = sqlite3.connect(f"file:{quote(str(damaged))}?{options}", uri=True, isolation_level=None)
        try:
            source.text_factory = lambda data: data.decode("utf-8", "replace")
            with into:
                into.execute("BEGIN")
                _copy(source, into, known)
        finally:
            source.close()
        if known:
            break
    return known


def _copy(source: sqlite3.Connection, into: sqlite3.Connection, known: set[str]) -> None:
    def insert(statement: str, row: tuple[Any, ...]) -> None:
        if isinstance(row[0], str):
            known.add(row[0])
            with suppress(sqlite3.Error, UnicodeDecodeError, OverflowError):
                into.execute("INSERT OR IGNORE INTO sessions VALUES (?, 0)", row[:1])
                into.execute(statement, row)

    for row in _rows(source, "id, created", "sessions"):
        insert("INSERT OR REPLACE INTO sessions VALUES (?, ?)", row)
    for row in _rows(source, "session, number, kind, created, body, data", "entries"):
        insert("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?)", row)
    for row in _rows(source, "session, node, picture", "thumbnails"):
        insert("INSERT OR IGNORE INTO thumbnails VALUES (?, ?, ?)", row)


def _rows(source: sqlite3.Connection, columns: str, table: str) -> Iterator[tuple[Any, ...]]:
    """Yield all rows that can be reached, some repeatedly: from the front and from the back, up to the damage."""
    for order in ("NOT INDEXED ORDER BY rowid", "NOT INDEXED ORDER BY rowid DESC", "ORDER BY 1, 2"):
        with suppress(sqlite3.Error, UnicodeDecodeError, MemoryError, OverflowError):
            yield from islice(source.execute(f"SELECT {columns} FROM {table} {order}"), MAX_ROWS)
