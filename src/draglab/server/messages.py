"""The editor's protocol, version 1: everything that goes over the websocket. Changes of points: point_messages.py.

The page's types are made from these classes: `python -m web.make_types` after a change.

Text frames hold one JSON object each, whose "type" says which of these classes it is. Requests may carry an "id"; what
answers them repeats it. Binary frames go to the client only: u32 little-endian n, n bytes of JSON (a PictureHeader),
then the encoded picture. Points are (x, y) in pixels of the image, see docs/conventions.md.

The client says Hello first, with the token that its page holds; the server answers Welcome, or an Error that is fatal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic_core import to_json

from draglab.media.edit_file import SettingValue
from draglab.server.library import ModelInfo
from draglab.server.limits import Limits
from draglab.server.message_parts import Coordinate, Count, Name, Request, Seed, Start, Truncation
from draglab.server.point_messages import AddPoint, MovePoint, RemovePoints, SetPoints
from draglab.server.setting_help import PanelSetting

if TYPE_CHECKING:
    from draglab.editor.journal import SessionInfo
    from draglab.editor.view import SessionView

PROTOCOL = 1

# Client to server.


@dataclass(frozen=True, kw_only=True)
class Hello(Request):
    """The first message. session: what to show, None = nothing yet. height: of the shown image, device pixels."""

    type: Literal["hello"] = "hello"
    protocol: Count
    token: Annotated[str, Field(max_length=1000)]
    session: Name | None = None
    height: Count = 0


@dataclass(frozen=True, kw_only=True)
class NewSession(Request):
    """Begin a session. start: None = the first image of the default model."""

    type: Literal["new_session"] = "new_session"
    start: Start | None = None


@dataclass(frozen=True, kw_only=True)
class OpenSession(Request):
    """Go on with a session of Welcome.sessions."""

    type: Literal["open_session"] = "open_session"
    session: Name


@dataclass(frozen=True, kw_only=True)
class ListSessions(Request):
    """Ask for the sessions of this person. Answered by Sessions."""

    type: Literal["list_sessions"] = "list_sessions"


@dataclass(frozen=True, kw_only=True)
class RenameSession(Request):
    """Call a session something; "" = by its model again."""

    type: Literal["rename_session"] = "rename_session"
    session: Name
    name: Name


@dataclass(frozen=True, kw_only=True)
class ForgetSession(Request):
    """Delete a session for good. It must not be open in another tab."""

    type: Literal["forget_session"] = "forget_session"
    session: Name


@dataclass(frozen=True, kw_only=True)
class SetView(Request):
    """How high the image is shown, in device pixels: pictures come at about that size."""

    type: Literal["set_view"] = "set_view"
    height: Count


@dataclass(frozen=True, kw_only=True)
class SetStart(Request):
    """Another image."""

    type: Literal["set_start"] = "set_start"
    start: Start


@dataclass(frozen=True, kw_only=True)
class SetMask(Request):
    """The movable region. png: base64, the image's size, white = movable; None = no mask. feather: pixels."""

    type: Literal["set_mask"] = "set_mask"
    png: str | None
    feather: Annotated[float, Field(ge=0, le=1000)] = 0.0


@dataclass(frozen=True, kw_only=True)
class Act(Request):
    """What needs nothing but its name.

    run: start a round with the points that were pulled since the last one, or else with those of the last one again.
    stop: no step is begun after the one that runs. pause: the same, to change points: the next round goes on with those
    of this one. go_on: continue the round that is shown and stopped by itself, where the state says can_go_on. undo,
    redo: by one entry of the history. suggest_mask: ask for a region around the handles, answered by Mask; nothing
    changes.
    """

    type: Literal["run", "stop", "pause", "go_on", "undo", "redo", "suggest_mask"]


@dataclass(frozen=True, kw_only=True)
class CheckHandle(Request):
    """Ask whether a point can be tracked. Answered by HandleQuality."""

    type: Literal["check_handle"] = "check_handle"
    x: Coordinate
    y: Coordinate


@dataclass(frozen=True, kw_only=True)
class SetSettings(Request):
    """Change settings by name (Welcome.settings)."""

    type: Literal["set_settings"] = "set_settings"
    settings: dict[Name, SettingValue]


@dataclass(frozen=True, kw_only=True)
class ResetSettings(Request):
    """Settings back to their defaults; None = all."""

    type: Literal["reset_settings"] = "reset_settings"
    names: list[Name] | None = None


@dataclass(frozen=True, kw_only=True)
class Goto(Request):
    """Show any entry of the history."""

    type: Literal["goto"] = "goto"
    node: Count


@dataclass(frozen=True, kw_only=True)
class Scrub(Request):
    """Show a frame of a round; changes nothing. Answered by a picture "scrub"; the newest wish wins."""

    type: Literal["scrub"] = "scrub"
    node: Count
    frame: Count


@dataclass(frozen=True, kw_only=True)
class ContinueFrom(Request):
    """Go on from a frame of a round: a branch of the history."""

    type: Literal["continue_from"] = "continue_from"
    node: Count
    frame: Count


@dataclass(frozen=True, kw_only=True)
class Seeds(Request):
    """Small pictures of seeds. Answered by pictures "seed" as they get ready; the newest request replaces the last."""

    type: Literal["seeds"] = "seeds"
    seeds: list[Seed]
    truncation_psi: Truncation = 1.0
    height: Count


@dataclass(frozen=True, kw_only=True)
class Export(Request):
    """Make a file. Answered by ExportReady. scope: the image, this round, the whole branch."""

    type: Literal["export"] = "export"
    kind: Literal["png", "jpg", "webp", "mp4", "gif", "json", "npz", "safetensors"]
    scope: Literal["image", "round", "history"] = "image"


@dataclass(frozen=True, kw_only=True)
class Describe(Request):
    """Ask for a command line or a Python program that makes this edit again. Answered by Text."""

    type: Literal["describe"] = "describe"
    # "as" is a word of Python.
    as_: Annotated[Literal["command", "python"], Field(alias="as")]


@dataclass(frozen=True, kw_only=True)
class Seen(Request):
    """Flow control: live pictures up to this stamp have been drawn."""

    type: Literal["seen"] = "seen"
    stamp: Count


Command = (
    NewSession | OpenSession | ListSessions | RenameSession | ForgetSession | SetView | SetStart | AddPoint | MovePoint
    | RemovePoints | SetPoints | SetMask | Act | CheckHandle | SetSettings | ResetSettings | Goto | Scrub | ContinueFrom
    | Seeds | Export | Describe
)  # fmt: skip
"""What is done on the worker's thread."""
ClientMessage = Hello | Seen | Command


# Server to client.


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """Answers Hello.

    models: what can be edited. sessions: those of this person, newest first; `picture` of one is the number of its
    newest small picture, GET /thumbnails/{session}/{picture}, or null. settings: their names, help and ranges.
    limits: of this server, by name. session: the one that is shown, or None.
    """

    type: Literal["welcome"] = "welcome"
    protocol: int = PROTOCOL
    version: str
    models: list[ModelInfo]
    sessions: list[SessionInfo]
    settings: list[PanelSetting]
    limits: Limits
    session: str | None


@dataclass(frozen=True, kw_only=True)
class State:
    """The session as it is now, which is all that the page shows of it besides pictures and the mask's.

    acknowledged: id of the newest command of this client that it takes in. view: its fields stand beside this one's.
    """

    type: Literal["state"] = "state"
    acknowledged: int = 0
    view: SessionView = field(metadata={"beside": True})


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each step of a round. handles, distances: of each point that has a target, in the order of the points."""

    type: Literal["progress"] = "progress"
    node: int
    step: int
    handles: list[tuple[float, float]]
    distances: list[float]
    mean_distance: float
    loss: float
    steps_per_second: float
    stamp: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A round is over. reason: arrived, stalled, max_steps, stopped, diverged, interrupted, recorded.

    text: why, and what is kept, for a person.
    """

    type: Literal["ended"] = "ended"
    node: int
    reason: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answers ListSessions; as in Welcome."""

    type: Literal["sessions"] = "sessions"
    id: int | None
    sessions: list[SessionInfo]


@dataclass(frozen=True, kw_only=True)
class Viewers:
    """How many windows show the session, this one among them; when that changes. What is done in one, all show."""

    type: Literal["viewers"] = "viewers"
    count: int


@dataclass(frozen=True, kw_only=True)
class Mask:
    """The mask that holds now, or a suggestion. png: base64, white = movable; None = everything may move."""

    type: Literal["mask"] = "mask"
    id: int | None = None
    png: str | None
    feather: float = 0.0
    suggested: bool = False


@dataclass(frozen=True, kw_only=True)
class HandleQuality:
    """Answers CheckHandle. nearest: the nearest place that can be tracked, or None."""

    type: Literal["handle_quality"] = "handle_quality"
    id: int | None
    x: float
    y: float
    distinctive: bool
    nearest: tuple[float, float] | None
    score: float


@dataclass(frozen=True, kw_only=True)
class ExportReady:
    """Answers Export. url: can be fetched once, for a while. bytes: its size."""

    type: Literal["export_ready"] = "export_ready"
    id: int | None
    url: str
    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Text:
    """Answers Describe. needs_edit_file: the text reads edit.json, which is the export of kind "json"."""

    type: Literal["text"] = "text"
    id: int | None
    text: str
    needs_edit_file: bool


@dataclass(frozen=True, kw_only=True)
class Error:
    """What could not be done: one sentence that says what to do. fatal: the socket is closed after it."""

    type: Literal["error"] = "error"
    id: int | None = None
    message: str
    fatal: bool = False


PictureKind = Literal["live", "current", "original", "scrub", "seed"]


@dataclass(frozen=True, kw_only=True)
class PictureHeader:
    """Of a picture.

    stamp: of a live one, that of its Progress; grows. node, frame, seed: what it shows. width, height: its own pixels,
    which may be fewer than the image's.
    """

    kind: PictureKind
    stamp: int = 0
    node: int | None = None
    frame: int | None = None
    seed: int | None = None
    width: int
    height: int
    mime: str


ServerMessage = (
    Welcome | State | Progress | Ended | Sessions | Viewers | Mask | HandleQuality | ExportReady | Text | Error
)  # fmt: skip


def encode(message: ServerMessage) -> str:
    """A message's JSON. NaN and infinity, which JSON has not, become null."""
    content = message
    if isinstance(message, State):
        content = {"type": message.type, "acknowledged": message.acknowledged, **vars(message.view)}
    return to_json(content, inf_nan_mode="null").decode()


def encode_picture(header: PictureHeader, data: bytes) -> bytes:
    """A binary frame."""
    text = to_json(header)
    return len(text).to_bytes(4, "little") + text + data
