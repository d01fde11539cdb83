"""Strict parsing of the messages that clients send, within the limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Discriminator, TypeAdapter, ValidationError
from pydantic_core import from_json

from draglab.errors import DraglabError
from draglab.media.edit_file import count_values
from draglab.problems import first_problem
from draglab.server.help_messages import CORNERS, CheckLocality, RegionPoints
from draglab.server.limits import Limits
from draglab.server.messages import (
    ClientMessage,
    Pull,
    RemovePoints,
    ResetSettings,
    Seeds,
    SetPoints,
    SetSettings,
)
from draglab.server.transfer_messages import ExportSessions, TransferTo

# What pydantic needs for it is built with the first message, not while the server starts.
_client_message: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Discriminator("type")], config=ConfigDict(defer_build=True)
)


class MessageError(DraglabError):
    """A message cannot be used. id: id of the message; None if it has none that can be read."""

    def __init__(self, problem: str, id: int | None) -> None:
        super().__init__(problem)
        self.id = id


class ProtocolError(Exception):
    """A client does not speak the protocol, so its socket is closed. The message is one sentence."""


def parse(text: str, limits: Limits) -> ClientMessage:
    """Parse a client's message.

    Raises:
        MessageError: a type or field is unknown, a value has another type or is NaN, or a limit is exceeded.
        ProtocolError: the text is too large or not JSON.
    """
    if len(text) > limits.message_bytes:
        raise ProtocolError(f"a message is larger than {limits.message_bytes} bytes: send less at once")
    # A point has a dozen values. Count first: pydantic would build them all before it could count them.
    values = 1000 + 16 * max(limits.points, limits.settings, limits.seeds)
    if count_values(text) > values:
        raise ProtocolError(f"a message holds more than {values} values: send less at once")
    try:
        message = _client_message.validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise ProtocolError("a message is not JSON: reload the page") from None
        raise MessageError(f"the message cannot be used: {first_problem(error, 'type')}", _id_of(text)) from None
    match message:
        case CheckLocality(ways=several):
            name, limit = "points", limits.points
        case RegionPoints(polygon=several):
            name, limit = "corners", CORNERS
        case SetPoints(points=several) | Pull(points=several) | RemovePoints(points=several):
            name, limit = "points", limits.points
        case SetSettings(settings=several):
            name, limit = "settings", limits.settings
        case ResetSettings(names=several):
            name, limit = "settings", limits.settings
        case Seeds(seeds=several):
            name, limit = "seeds", limits.seeds
        case TransferTo(seeds=several):
            name, limit = "transfer_seeds", limits.transfer_seeds
        case ExportSessions(sessions=several):
            name, limit = "transfer_results", limits.transfer_results
        case _:
            return message
    if several is not None and len(several) > limit:
        raise MessageError(f"{len(several)} {name} are too many: at most {limit} (limit '{name}')", message.id)
    return message


def _id_of(text: str) -> int | None:
    content = from_json(text)
    number = content.get("id") if isinstance(content, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 2**53 else None
