"""Values that inert_pickle.py builds: plain ones, and records of the objects that a pickle asks for.

Values are immutable, except for the state and items of a record.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal


class Refused(Exception):
    """A file is refused. The message says why and what to do, in one line."""


class Global(tuple[str, str]):
    """A name (module, name) that a pickle refers to. It is never looked up."""

    __slots__ = ()

    def __new__(cls, module: str, name: str) -> Global:
        return tuple.__new__(cls, (module, name))

    def __str__(self) -> str:
        return ".".join(self)


class Region:
    """Bytes that blobs are parts of.

    Attributes:
        view: the bytes.
        origin: "file": they are the file; "text": the file has them as UTF-8 text of the characters 0 to 255, as
            protocol 2 writes bytes; "inline": likewise, few enough to be part of the plan.
        place: for "text": (start, stop) of that text in the file.
    """

    __slots__ = ("origin", "place", "view")

    def __init__(
        self, view: memoryview, origin: Literal["file", "text", "inline"] = "file", place: tuple[int, int] = (0, 0)
    ):
        self.view = view
        self.origin = origin
        self.place = place


class Blob:
    """Bytes [start, stop) of a region, not copied."""

    __slots__ = ("region", "start", "stop")

    def __init__(self, region: Region, start: int, stop: int):
        self.region = region
        self.start = start
        self.stop = stop

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def view(self) -> memoryview:
        """The bytes."""
        return self.region.view[self.start : self.stop]


class LongText(Blob):
    """Text too long to be a name or a number, kept as its UTF-8 bytes."""

    __slots__ = ("_decoded",)

    def __init__(self, region: Region, start: int, stop: int):
        super().__init__(region, start, stop)
        self._decoded: Region | None = None

    @property
    def decoded(self) -> Region:
        """Return the bytes that are kept as this text. They are decoded once, however many values refer to it."""
        if self._decoded is None:
            data = str(self.view, "utf-8").encode("latin-1")
            self._decoded = Region(memoryview(data), "text", (self.start, self.stop))
        return self._decoded


class Record:
    """Record of an object that a pickle would make by calling `what` with `args`.

    Attributes:
        state: argument of BUILD. items: arguments of SETITEMS.
    """

    __slots__ = ("args", "items", "state", "what")

    def __init__(self, what: Global, args: tuple[Any, ...] = (), state: Any = None):
        self.what = what
        self.args = args
        self.state = state
        self.items: dict[Any, Any] = {}


class PersistentId:
    """A reference to data outside the pickle, such as a storage of a torch file."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[Any, ...]):
        self.key = key
