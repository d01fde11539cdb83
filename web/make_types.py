"""Write the page's types of what goes over the wire, from the classes in draglab.server.messages.

    python -m web.make_types

A message with a field more, less or of another type is then an error of `npm --prefix web run check` wherever the page
relies on the old one. tests/server/test_wire_types.py fails when this was forgotten.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

import draglab
from draglab.editor.journal import SessionInfo
from draglab.editor.view import SessionView
from draglab.server import messages
from draglab.server.message_parts import Part

TARGET = Path(draglab.__file__).parent / "server" / "static" / "js" / "wire_types.js"
HEAD = """\
/**
 * What goes over the wire, protocol version {version}. Written by web/make_types.py from draglab/server/messages.py,
 * which says more of each: change that. Types only: nothing runs here.
 */
"""
PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", NoneType: "null"}
LATER = {"SessionInfo": SessionInfo, "SessionView": SessionView}
"""What draglab.server.messages imports for type checkers alone, because torch would come along."""


def wire_types() -> str:
    """The text of the module wire_types.js."""
    known: dict[str, type] = {}
    unions = {"ClientMessage": messages.ClientMessage, "ServerMessage": messages.ServerMessage}
    lines = [_union(name, hint, known) for name, hint in unions.items()]
    _written(messages.PictureHeader, known)
    # Describing one class makes others known.
    described = [typedef(kind, known) for kind in _growing(known)]
    return "\n".join([HEAD.format(version=messages.PROTOCOL), *described, *lines, "export {};\n"])


def _growing(known: dict[str, type]) -> Iterator[type]:
    done: set[str] = set()
    while left := [name for name in known if name not in done]:
        done.add(left[0])
        yield known[left[0]]


def _union(name: str, hint: Any, known: dict[str, type]) -> str:
    return f"/** @typedef {{{_written(hint, known)}}} {name} */\n"


def typedef(kind: type, known: dict[str, type]) -> str:
    """A class. What clients may leave out is optional; what the server says is all there."""
    summary = inspect.cleandoc(kind.__doc__ or "").split("\n")[0]
    from_client = issubclass(kind, Part)
    rows = list(_properties(kind, from_client, known))
    lines = [summary, "", f"@typedef {{object}} {kind.__name__}", *rows]
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */\n"])


def _properties(kind: type, from_client: bool, known: dict[str, type]) -> Iterator[str]:
    hints = get_type_hints(kind, localns=LATER, include_extras=True)
    for field in fields(kind):
        hint = hints[field.name]
        if field.metadata.get("beside"):
            yield from _properties(hint, from_client, known)
            continue
        optional = from_client and field.name != "type" and _has_default(field)
        name = _alias(hint) or field.name
        yield f"@property {{{_written(hint, known)}}} {f'[{name}]' if optional else name}"


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _alias(hint: Any) -> str | None:
    """The name on the wire, where that is a word of Python."""
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each.alias for each in extras if isinstance(each, FieldInfo) and each.alias), None)


def _written(hint: Any, known: dict[str, type]) -> str:
    """A type as JSDoc writes it. known: gets the classes in it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _written(parts[0], known)
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        if known.setdefault(hint.__name__, hint) is not hint:
            raise TypeError(f"two classes of the protocol are called {hint.__name__}: rename one")
        return hint.__name__
    if origin is Literal:
        return " | ".join(f'"{part}"' for part in parts)
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_written(part, known) for part in parts))
    if origin is list or (origin is tuple and parts[-1] is Ellipsis):
        return f"Array<{_written(parts[0], known)}>"
    if origin is tuple:
        return f"[{', '.join(_written(part, known) for part in parts)}]"
    if origin is dict:
        return f"Record<{_written(parts[0], known)}, {_written(parts[1], known)}>"
    raise TypeError(f"{hint} has no counterpart in JavaScript yet: add it to web/make_types.py")


if __name__ == "__main__":
    TARGET.write_text(wire_types(), encoding="utf-8")
    print(f"wrote {TARGET.name}")
