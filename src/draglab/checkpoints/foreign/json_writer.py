"""Plain values -> JSON, without the import of the standard library's json (why: __init__.py)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), ord('"'), ord("\\"))}


def write_json(value: Any) -> bytes:
    """None, bools, finite numbers, text, lists, tuples and dicts with text as keys, as json.loads reads them.

    Half surrogates are written as they are, which json.loads reads too.

    Raises:
        TypeError: there is something else in the value.
    """
    return _written(value).encode("utf-8", "surrogatepass")


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return f"{{{','.join(f'{_written(key)}:{_written(part)}' for key, part in value.items())}}}"
    raise TypeError(type(value).__name__)
