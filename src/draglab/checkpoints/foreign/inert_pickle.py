"""A pickle machine that builds records instead of objects: nothing is imported, looked up or called.

It understands the instructions of protocols 0 to 5 that carry data. Work and memory are bounded by the length of the
pickle and by MAX_INSTRUCTIONS; no value nests Python's own stack, because nothing here recurses.
"""

from __future__ import annotations

import struct

from . import opcodes
from .allowed import ALLOWED, CALLED, INSTANTIATED
from .values import Blob, Global, LongText, PersistentId, Record, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, NoReturn

MAX_INSTRUCTIONS = 1_000_000
"""Most instructions of a pickle; a config F snapshot of three networks has about 60,000."""
LONG_TEXT = 4096
"""Length in bytes from which text is left in the file: source code, and bytes that protocol 2 keeps as text."""
MAX_INTEGER_BYTES = 32
MAX_LINE = 4096


class InertUnpickler:
    """A reader of one pickle.

    Args:
        region: the bytes that hold the pickle. start: its first byte. stop: the end of its last byte at the latest;
            None = the region's end. most: largest number of instructions.
    """

    def __init__(self, region: Region, start: int = 0, stop: int | None = None, most: int = MAX_INSTRUCTIONS):
        self.region = region
        self.view = region.view
        self.at = start
        self.most = most
        self.end = len(self.view) if stop is None else stop
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:  # noqa: RET503 - _refuse never returns
        """Read and return the value; `at` is then the end of the pickle.

        Raises:
            Refused: an unknown name or instruction, damage, or too many instructions.
        """
        table, view, end = self._TABLE, self.view, self.end
        stop = ord(".")
        for _ in range(self.most):
            at = self.at
            if at >= end:
                self._damaged("it ends too early")
            code = view[at]
            self.at = at + 1
            if code == stop:
                return self._pop()
            step = table.get(code)
            if step is None:
                self._refuse(f"uses the pickle instruction {bytes([code])!r}, which no checkpoint needs")
            step(self)
        self._refuse(f"has more than {self.most:,} pickle instructions, far more than any checkpoint")

    # Reading bytes.
    def _damaged(self, why: str) -> NoReturn:
        raise Refused(f"the file is damaged: {why} (byte {self.at:,}); get it again")

    def _refuse(self, why: str) -> NoReturn:
        raise Refused(f"the file {why} (byte {self.at:,}); draglab does not open it")

    def _take(self, count: int) -> memoryview:
        if count < 0 or count > self.end - self.at:
            self._damaged("it ends too early")
        self.at += count
        return self.view[self.at - count : self.at]

    def _byte(self) -> int:
        if self.at >= self.end:
            self._damaged("it ends too early")
        self.at += 1
        return self.view[self.at - 1]

    def _unsigned(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little")

    def _signed(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little", signed=True)

    def _line(self) -> str:
        window = bytes(self.view[self.at : min(self.at + MAX_LINE, self.end)])
        length = window.find(b"\n")
        if length < 0:
            self._damaged("a line does not end")
        self.at += length + 1
        try:
            return window[:length].decode("utf-8")
        except UnicodeDecodeError:
            self._damaged("a line is not text")

    def _blob(self, count: int) -> None:
        self._take(count)
        self.stack.append(Blob(self.region, self.at - count, self.at))

    def _text(self, count: int) -> None:
        data = self._take(count)
        if count >= LONG_TEXT:
            self.stack.append(LongText(self.region, self.at - count, self.at))
            return
        try:
            self.stack.append(str(data, "utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            self._damaged("a text is not UTF-8")

    # The stack. Values above a mark are a list of their own, as in the pickle module.
    def _push(self, value: Any) -> None:
        self.stack.append(value)  # looked up afterwards, because making the value may have ended a mark

    def _pop(self) -> Any:
        if not self.stack:
            self._damaged("an instruction lacks its value")
        return self.stack.pop()

    def _top(self) -> Any:
        if not self.stack:
            self._damaged("an instruction lacks its value")
        return self.stack[-1]

    def _mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _above_mark(self) -> list[Any]:
        if not self.marks:
            self._damaged("a mark is missing")
        above = self.stack
        self.stack = self.marks.pop()
        return above

    def _tuple(self, count: int) -> None:
        if len(self.stack) < count:
            self._damaged("an instruction lacks its value")
        parts = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(parts)

    # The memo.
    def _put(self, index: int) -> None:
        # Python counts from 0 on. Other numbers could be chosen to make a dict of them slow.
        if not 0 <= index < MAX_INSTRUCTIONS:
            self._damaged("a memo index is out of range")
        self.memo[index] = self._top()

    def _memoize(self) -> None:
        self.memo[len(self.memo)] = self._top()

    def _get(self, index: int) -> None:
        if index not in self.memo:
            self._damaged(f"it refers to value {index}, which it does not have")
        self.stack.append(self.memo[index])

    # Containers.
    def _set_items(self, pairs: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Record):
            target = target.items
        if not isinstance(target, dict) or len(pairs) % 2:
            self._damaged("entries are put into something that has none")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # All keys that are looked for are text. Others, such as the numbers of an optimizer's
            # parameters, become some text too: the hash of text is secret, so that no file can make keys collide.
            target[key if isinstance(key, str) else f"{type(key).__name__} {len(target)}"] = value

    def _append(self, values: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list):
            self._damaged("values are appended to something that is no list")
        target.extend(values)

    def _dict(self) -> None:
        pairs = self._above_mark()
        self.stack.append({})
        self._set_items(pairs)

    # Names, and what would have been calls.
    def _global(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            self._damaged("a name is not text")
        found = Global(module, name)
        if found not in ALLOWED:
            shown = f"{module}.{name}"[:200]
            self._refuse(f"asks for {shown!r}, which no checkpoint needs: it may try to run code")
        self.stack.append(found)

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)

    def _record(self, allowed: set[Global]) -> None:
        args, what = self._pop(), self._pop()
        if not isinstance(what, Global) or not isinstance(args, tuple):
            self._refuse("calls something that is not a name")
        if what not in allowed:
            self._refuse(f"uses {what} in a way that no checkpoint does")
        self.stack.append(Record(what, args))

    def _new_with_names(self) -> None:
        if self._pop() != {}:
            self._refuse("makes an object in a way that no checkpoint does")
        self._record(INSTANTIATED)

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, Record) or target.state is not None:
            self._refuse("gives a state to something that has none")
        target.state = state

    def _persistent_id(self) -> None:
        key = self._pop()
        if not isinstance(key, tuple):
            self._refuse("refers to something outside in a way that no checkpoint does")
        self.stack.append(PersistentId(key))

    def _instance(self) -> None:
        """Refuse an object of protocol 0; the error names its class."""
        module, name = self._line(), self._line()
        self._global(module, name)
        self._refuse("makes an object in a way that no checkpoint does")

    def _integer(self, count: int) -> None:
        if not 0 <= count <= MAX_INTEGER_BYTES:
            self._refuse("holds a number larger than any checkpoint does")
        self.stack.append(self._signed(count))

    def _number_line(self) -> None:
        text = self._line()
        if text in ("00", "01"):
            self.stack.append(text == "01")
            return
        self._parse(text.removesuffix("L"), int)

    def _parse(self, text: str, kind: Callable[[str], Any]) -> None:
        try:
            if len(text) > 64:
                raise ValueError
            self.stack.append(kind(text))
        except ValueError:
            self._damaged("a number is not readable")

    def _protocol(self) -> None:
        version = self._byte()
        if version > opcodes.HIGHEST_PROTOCOL:
            self._refuse(f"is a pickle of protocol {version}, newer than any that draglab knows")

    def _frame(self) -> None:
        if self._unsigned(8) > self.end - self.at:
            self._damaged("it ends too early")

    _TABLE: ClassVar[dict[int, Callable[[InertUnpickler], Any]]] = {
        code[0]: step
        for code, step in {
            opcodes.PROTO: _protocol,
            opcodes.FRAME: _frame,
            opcodes.MARK: _mark,
            opcodes.POP: lambda self: self.stack.pop() if self.stack else self._above_mark(),
            opcodes.POP_MARK: _above_mark,
            opcodes.DUP: lambda self: self._push(self._top()),
            opcodes.NONE: lambda self: self._push(None),
            opcodes.NEWTRUE: lambda self: self._push(True),
            opcodes.NEWFALSE: lambda self: self._push(False),
            opcodes.INT: _number_line,
            opcodes.LONG: _number_line,
            opcodes.FLOAT: lambda self: self._parse(self._line(), float),
            opcodes.BININT: lambda self: self._push(self._signed(4)),
            opcodes.BININT1: lambda self: self._push(self._byte()),
            opcodes.BININT2: lambda self: self._push(self._unsigned(2)),
            opcodes.LONG1: lambda self: self._integer(self._byte()),
            opcodes.LONG4: lambda self: self._integer(self._signed(4)),
            opcodes.BINFLOAT: lambda self: self._push(struct.unpack(">d", self._take(8))[0]),
            opcodes.UNICODE: lambda self: self._push(self._line()),
            opcodes.STRING: lambda self: self._push(self._line().strip("'\"")),
            opcodes.SHORT_BINSTRING: lambda self: self._text(self._byte()),
            opcodes.BINSTRING: lambda self: self._text(self._signed(4)),
            opcodes.SHORT_BINUNICODE: lambda self: self._text(self._byte()),
            opcodes.BINUNICODE: lambda self: self._text(self._unsigned(4)),
            opcodes.BINUNICODE8: lambda self: self._text(self._unsigned(8)),
            opcodes.SHORT_BINBYTES: lambda self: self._blob(self._byte()),
            opcodes.BINBYTES: lambda self: self._blob(self._unsigned(4)),
            opcodes.BINBYTES8: lambda self: self._blob(self._unsigned(8)),
            opcodes.BYTEARRAY8: lambda self: self._blob(self._unsigned(8)),
            opcodes.EMPTY_TUPLE: lambda self: self._push(()),
            opcodes.TUPLE1: lambda self: self._tuple(1),
            opcodes.TUPLE2: lambda self: self._tuple(2),
            opcodes.TUPLE3: lambda self: self._tuple(3),
            opcodes.TUPLE: lambda self: self._push(tuple(self._above_mark())),
            opcodes.EMPTY_LIST: lambda self: self._push([]),
            opcodes.LIST: lambda self: self._push(self._above_mark()),
            opcodes.APPEND: lambda self: self._append([self._pop()]),
            opcodes.APPENDS: lambda self: self._append(self._above_mark()),
            # Sets are only iterated over here, so lists will do.
            opcodes.EMPTY_SET: lambda self: self._push([]),
            opcodes.ADDITEMS: lambda self: self._append(self._above_mark()),
            opcodes.FROZENSET: lambda self: self._push(self._above_mark()),
            opcodes.EMPTY_DICT: lambda self: self._push({}),
            opcodes.DICT: _dict,
            opcodes.SETITEM: lambda self: self._set_items([self._pop(), self._pop()][::-1]),
            opcodes.SETITEMS: lambda self: self._set_items(self._above_mark()),
            opcodes.PUT: lambda self: self._put(self._memo_line()),
            opcodes.BINPUT: lambda self: self._put(self._byte()),
            opcodes.LONG_BINPUT: lambda self: self._put(self._unsigned(4)),
            opcodes.MEMOIZE: _memoize,
            opcodes.GET: lambda self: self._get(self._memo_line()),
            opcodes.BINGET: lambda self: self._get(self._byte()),
            opcodes.LONG_BINGET: lambda self: self._get(self._unsigned(4)),
            opcodes.GLOBAL: lambda self: self._global(self._line(), self._line()),
            opcodes.STACK_GLOBAL: _stack_global,
            opcodes.INST: _instance,
            opcodes.REDUCE: lambda self: self._record(CALLED),
            opcodes.NEWOBJ: lambda self: self._record(INSTANTIATED),
            opcodes.NEWOBJ_EX: _new_with_names,
            opcodes.BUILD: _build,
            opcodes.BINPERSID: _persistent_id,
        }.items()
    }

    def _memo_line(self) -> int:
        self._number_line()
        return self._pop()
