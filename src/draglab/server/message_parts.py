"""Parts of the messages in messages.py: numbers and names in range, starts, points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from draglab.media.edit_file import MAX_SEED

Count = Annotated[int, Field(ge=0, le=2**53)]
Name = Annotated[str, Field(max_length=300)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Truncation = Annotated[float, Field(ge=-10, le=10)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Place = tuple[Coordinate, Coordinate]

_STRICT = ConfigDict(defer_build=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Base of all parts of messages: unknown fields, NaN and conversions ("7" for 7) are refused."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, kw_only=True)
class Mix(Part):
    """Style mixing: layers from `first_layer` on come from another seed."""

    seed: Seed
    first_layer: Count


@dataclass(frozen=True, kw_only=True)
class Start(Part):
    """The image from which an edit starts. model: a name of Welcome.models; None = the default model."""

    model: Name | None = None
    seed: Seed = 0
    truncation_psi: Truncation = 1.0
    class_index: Count | None = None
    mix: Mix | None = None


@dataclass(frozen=True, kw_only=True)
class PointInput(Part):
    """A handle, with a target or None. id: chosen by the client, unique among the points.

    pin: True = it holds its place while others are dragged, and has no target of its own.
    """

    id: Count
    handle: Place
    target: Place | None = None
    pin: bool = False


@dataclass(frozen=True, kw_only=True)
class Request(Part):
    """Base of a client's messages. id: repeated in the answer."""

    id: Count | None = None
