"""What inert_pickle.py builds: plain values and records of what a pickle asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple


class Refused(Exception):
    """The file is not opened. The message says why and what to do, in one line."""


class Global(NamedTuple):
    """A name of some program that a pickle refers to. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, eq=False)
class Region:
    """Bytes that blobs are cut from.

    Attributes:
        view: the bytes.
        origin: "file": they are the file; "text": the file has them as UTF-8 text of the characters 0 to 255, the
            bytes of protocol 2; "inline": likewise, few enough to be told directly.
        place: for "text": (start, stop) of that text in the file.
    """

    view: memoryview
    origin: Literal["file", "text", "inline"] = "file"
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Blob:
    """Bytes [start, stop) of a region, not copied."""

    region: Region
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def view(self) -> memoryview:
        """The bytes."""
        return self.region.view[self.start : self.stop]


@dataclass(frozen=True, eq=False)
class LongText(Blob):
    """Text too long to be a name or a number, kept as its UTF-8 bytes."""

    @cached_property
    def decoded(self) -> Region:
        """The bytes that it keeps as text. Decoded once, however many values refer to it."""
        data = str(self.view, "utf-8").encode("latin-1")
        return Region(memoryview(data), "text", (self.start, self.stop))


@dataclass(eq=False, slots=True)
class Record:
    """Something that a pickle would have made by calling `what` with `args`.

    Attributes:
        state: what BUILD would have given it. items: what SETITEMS would have put into it.
    """

    what: Global
    args: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PersistentId:
    """A reference to something beside the pickle, such as a storage of a torch file."""

    key: tuple[Any, ...]
