"""The messages of the websocket, version 1 of the editor's protocol; also point_messages.py, help_messages.py,
model_messages.py, photo_messages.py, export_messages.py and transfer_messages.py.

The page's types are generated from these classes: run `python -m web.make_types` after a change.

Each text frame is a JSON object, whose "type" names one of these classes. Requests may have an "id", which the answer
repeats. Binary frames are sent to the client only: u32 little-endian n, n bytes of JSON (a PictureHeader), then the
encoded picture. Points are (x, y) in pixels of the image, see docs/conventions.md.

The client sends Hello first, with the token of its page; the server answers with Welcome, or with a fatal Error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic_core import to_json

from draglab.media.edit_file import SettingValue
from draglab.server.export_messages import CancelExport, Describe, Export, ExportProgress, ExportReady, Text
from draglab.server.help_messages import HelpAnswer, HelpQuestion
from draglab.server.limits import Limits
from draglab.server.message_parts import Count, Name, Request, Seed, Start, Truncation
from draglab.server.model_messages import ModelCommand, ModelList, ModelWork
from draglab.server.photo_messages import FoundFrame, PhotoBegun, PhotoCommand, PhotoWork
from draglab.server.point_messages import AddPoint, MovePoint, Pull, RemovePoints, SetPoints
from draglab.server.setting_help import PanelSetting
from draglab.server.transfer_messages import TransferAnswer, TransferCommand

if TYPE_CHECKING:
    from draglab.editor.journal import SessionInfo
    from draglab.editor.view import SessionView

PROTOCOL = 1

# Client to server.


@dataclass(frozen=True, kw_only=True)
class Hello(Request):
    """The first message. session: the session to show, or None. height: height of the shown image, device pixels."""

    type: Literal["hello"] = "hello"
    protocol: Count
    token: Annotated[str, Field(max_length=1000)]
    session: Name | None = None
    height: Count = 0


@dataclass(frozen=True, kw_only=True)
class NewSession(Request):
    """Create a session. start: None = the first image of the default model."""

    type: Literal["new_session"] = "new_session"
    start: Start | None = None


@dataclass(frozen=True, kw_only=True)
class OpenSession(Request):
    """Open a session of Welcome.sessions."""

    type: Literal["open_session"] = "open_session"
    session: Name


@dataclass(frozen=True, kw_only=True)
class ListSessions(Request):
    """List the sessions of this person. Answered by Sessions."""

    type: Literal["list_sessions"] = "list_sessions"


@dataclass(frozen=True, kw_only=True)
class RenameSession(Request):
    """Name a session; "" = no name."""

    type: Literal["rename_session"] = "rename_session"
    session: Name
    name: Name


@dataclass(frozen=True, kw_only=True)
class ForgetSession(Request):
    """Delete a session permanently. It must not be open in another tab."""

    type: Literal["forget_session"] = "forget_session"
    session: Name


@dataclass(frozen=True, kw_only=True)
class SetView(Request):
    """Set the height in which the image is shown, device pixels; pictures are sent in about this size."""

    type: Literal["set_view"] = "set_view"
    height: Count


@dataclass(frozen=True, kw_only=True)
class SetStart(Request):
    """Start from another image."""

    type: Literal["set_start"] = "set_start"
    start: Start


@dataclass(frozen=True, kw_only=True)
class SetMask(Request):
    """Set the movable region. png: base64, of the image's size, white = movable; None = no mask. feather: pixels."""

    type: Literal["set_mask"] = "set_mask"
    png: str | None
    feather: Annotated[float, Field(ge=0, le=1000)] = 0.0


@dataclass(frozen=True, kw_only=True)
class Act(Request):
    """A command without arguments.

    run: start a round with the points pulled since the last one, or, if there are none, with those of the last one.
    stop: end the round after the current step. pause: the same, in order to change points: the next round goes on with
    this one's. go_on: continue the shown round, which stopped by itself; allowed if the state says can_go_on. undo,
    redo: move by one entry of the history. take_back: drop a pull whose hand is still down. suggest_mask: suggest a
    region around the handles, answered by Mask; the mask stays as it is.
    """

    type: Literal["run", "stop", "pause", "go_on", "undo", "redo", "take_back", "suggest_mask"]


@dataclass(frozen=True, kw_only=True)
class SetSettings(Request):
    """Change settings by name (Welcome.settings)."""

    type: Literal["set_settings"] = "set_settings"
    settings: dict[Name, SettingValue]


@dataclass(frozen=True, kw_only=True)
class ResetSettings(Request):
    """Reset settings to their defaults; None = all."""

    type: Literal["reset_settings"] = "reset_settings"
    names: list[Name] | None = None


@dataclass(frozen=True, kw_only=True)
class Goto(Request):
    """Show any entry of the history."""

    type: Literal["goto"] = "goto"
    node: Count


@dataclass(frozen=True, kw_only=True)
class Scrub(Request):
    """Show a frame of a round. Answered by a picture "scrub"; a new request replaces one that waits."""

    type: Literal["scrub"] = "scrub"
    node: Count
    frame: Count


@dataclass(frozen=True, kw_only=True)
class ContinueFrom(Request):
    """Begin a new branch of the history at a frame of a round."""

    type: Literal["continue_from"] = "continue_from"
    node: Count
    frame: Count


@dataclass(frozen=True, kw_only=True)
class Seeds(Request):
    """Show small pictures of seeds. Answered by pictures "seed", one by one; a new request replaces the last one."""

    type: Literal["seeds"] = "seeds"
    seeds: list[Seed]
    truncation_psi: Truncation = 1.0
    height: Count


@dataclass(frozen=True, kw_only=True)
class Seen(Request):
    """Flow control: the client has drawn the live pictures up to this stamp."""

    type: Literal["seen"] = "seen"
    stamp: Count


Command = (
    NewSession | OpenSession | ListSessions | RenameSession | ForgetSession | SetView | SetStart | AddPoint | MovePoint
    | Pull | RemovePoints | SetPoints | SetMask | Act | HelpQuestion | SetSettings | ResetSettings | Goto | Scrub
    | ContinueFrom | Seeds | Export | CancelExport | Describe | ModelCommand | PhotoCommand | TransferCommand
)  # fmt: skip
"""Messages that the worker's thread handles."""
ClientMessage = Hello | Seen | Command


# Server to client.


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """Answer to Hello.

    models, work: the models, and what is being done for them. photos: those that are being brought into models.
    sessions: the sessions of this person, newest first; `picture` is the number of a session's newest small picture,
    GET /thumbnails/{session}/{picture}, or null. settings: names, help and ranges of the settings. limits: limits of
    this server. marks: whether every exported picture and video bears the visible mark. session: the session that is
    shown, or None.
    """

    type: Literal["welcome"] = "welcome"
    protocol: int = PROTOCOL
    version: str
    models: ModelList
    work: ModelWork
    photos: PhotoWork
    sessions: list[SessionInfo]
    settings: list[PanelSetting]
    limits: Limits
    marks: bool
    session: str | None


@dataclass(frozen=True, kw_only=True)
class State:
    """The current state of the session: everything that the page shows, except for pictures and the mask.

    acknowledged: id of this client's newest command that the state includes. view: its fields are sent beside this one.
    """

    type: Literal["state"] = "state"
    acknowledged: int = 0
    view: SessionView = field(metadata={"beside": True})


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress after a step of a round. points: ids of the points that have a target; handles, targets, distances: of
    each of them. reachable: how far each is expected to come, the target if nothing is in the way; None = not known.
    node: the round; of a pull that goes on, the entry from which it began."""

    type: Literal["progress"] = "progress"
    node: int
    step: int
    points: list[int | str]
    handles: list[tuple[float, float]]
    targets: list[tuple[float, float]]
    reachable: list[tuple[float, float]] | None = None
    distances: list[float]
    mean_distance: float
    loss: float
    steps_per_second: float
    stamp: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of a round. reason: see draglab.editor.round_runner.EndReason.

    text: sentences for a person on why it ended and which step is kept.
    """

    type: Literal["ended"] = "ended"
    node: int
    reason: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Answer to ListSessions. sessions: as in Welcome."""

    type: Literal["sessions"] = "sessions"
    id: int | None
    sessions: list[SessionInfo]


@dataclass(frozen=True, kw_only=True)
class Viewers:
    """Number of windows that show the session, including this one; sent when it changes. All show the same state."""

    type: Literal["viewers"] = "viewers"
    count: int


@dataclass(frozen=True, kw_only=True)
class Mask:
    """The current mask, or a suggested one. png: base64, white = movable; None = everything may move."""

    type: Literal["mask"] = "mask"
    id: int | None = None
    png: str | None
    feather: float = 0.0
    suggested: bool = False


@dataclass(frozen=True, kw_only=True)
class Error:
    """An error. message: one sentence that says what to do. fatal: True = the socket is closed after it."""

    type: Literal["error"] = "error"
    id: int | None = None
    message: str
    fatal: bool = False


PictureKind = Literal["live", "current", "original", "scrub", "seed", "photo", "before", "after"]


@dataclass(frozen=True, kw_only=True)
class PictureHeader:
    """Header of a picture.

    kind: "before" and "after" are a seed's in a transfer. stamp: of a live picture, the stamp of its Progress, which
    grows. node, frame, seed: what the picture shows. photo: of which photo it is the reconstruction. width, height:
    size of the picture, which may be smaller than the image.
    """

    kind: PictureKind
    stamp: int = 0
    node: int | None = None
    frame: int | None = None
    seed: int | None = None
    photo: str | None = None
    width: int
    height: int
    mime: str


ServerMessage = (
    Welcome | State | Progress | Ended | Sessions | Viewers | Mask | HelpAnswer | ExportReady
    | ExportProgress | Text | Error | ModelList | ModelWork | FoundFrame | PhotoBegun | PhotoWork | TransferAnswer
)  # fmt: skip


def encode(message: ServerMessage) -> str:
    """Encode a message as JSON. NaN and infinity, which JSON does not have, become null."""
    content = message
    if isinstance(message, State):
        content = {"type": message.type, "acknowledged": message.acknowledged, **vars(message.view)}
    return to_json(content, inf_nan_mode="null").decode()


def encode_picture(header: PictureHeader, data: bytes) -> bytes:
    """Encode a picture as a binary frame."""
    text = to_json(header)
    return len(text).to_bytes(4, "little") + text + data
