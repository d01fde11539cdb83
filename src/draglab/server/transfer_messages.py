"""The messages of transfers: the edit of the shown image done to other seeds; see messages.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from draglab.server.message_parts import Count, Name, Request, Seed

# Client to server.


@dataclass(frozen=True, kw_only=True)
class TransferTo(Request):
    """Do the edit of the shown image to other seeds of its model. Answered by TransferBegun.

    Of each seed, TransferSeed says how far it is; pictures "before" and "after" show it. A page has one transfer, which
    goes on when the page shows another session, and rests while a drag of its person runs.

    height: of the pictures, device pixels. more: True = go on with the edit of the last TransferTo; False = begin
    with the edit as it is now, and forget the results that were not kept.
    """

    type: Literal["transfer_to"] = "transfer_to"
    seeds: list[Seed]
    height: Count
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class StopTransfer(Request):
    """End the transfer after the current step. Results stay, unless close is True."""

    type: Literal["stop_transfer"] = "stop_transfer"
    close: bool = False


@dataclass(frozen=True, kw_only=True)
class KeepTransferred(Request):
    """Make a session of a result, which makes its rounds again. Answered by TransferKept."""

    type: Literal["keep_transferred"] = "keep_transferred"
    seed: Seed


@dataclass(frozen=True, kw_only=True)
class ExportSessions(Request):
    """Export images and edit files of sessions of one model, as a ZIP. Answered by ExportReady. mark: see Export."""

    type: Literal["export_sessions"] = "export_sessions"
    sessions: list[Name]
    mark: bool = False


TransferCommand = TransferTo | StopTransfer | KeepTransferred | ExportSessions


# Server to client.


@dataclass(frozen=True, kw_only=True)
class TransferBegun:
    """Answer to TransferTo."""

    type: Literal["transfer_begun"] = "transfer_begun"
    id: int | None


@dataclass(frozen=True, kw_only=True)
class TransferSeed:
    """How far the transfer to a seed is. text: why it was skipped or has failed; else ""."""

    type: Literal["transfer_seed"] = "transfer_seed"
    seed: int
    state: Literal["working", "done", "skipped", "failed"]
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class TransferKept:
    """Answer to KeepTransferred. session: the new session, in which the rounds are being made."""

    type: Literal["transfer_kept"] = "transfer_kept"
    id: int | None
    seed: int
    session: str


TransferAnswer = TransferBegun | TransferSeed | TransferKept
