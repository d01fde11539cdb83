"""Conversion of inert values that hold configuration to plain ones."""

from __future__ import annotations

import math
import struct

from . import allowed
from .tensors import NUMPY_TYPES, bytes_of, find_array, numpy_code
from .values import Global, Record, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ENTRIES = 20_000
MAX_NODES = 2_000
MAX_NESTING = 16
MAX_SMALL = 64
_FORMS = {
    "f8": "<d", "f4": "<f", "f2": "<e", "i8": "<q", "i4": "<i", "i2": "<h", "i1": "<b",
    "u8": "<Q", "u4": "<I", "u2": "<H", "u1": "<B", "b1": "<?",
}  # fmt: skip
"""NumPy's names of number types -> format characters of struct."""


def entries(value: Any) -> dict[Any, Any] | None:
    """Return the entries of a dict or of a record of a dict's class; None if the value is something else.

    Raises:
        Refused: there are more than any generator has: a file could refer to the same ones many times.
    """
    if isinstance(value, Record) and value.what == allowed.NAMESPACE:
        value = value.state if isinstance(value.state, dict) else {}
    if isinstance(value, dict):
        _check_number(value)
        return value
    if not isinstance(value, Record) or value.what not in (allowed.ORDERED_DICT, allowed.EASY_DICT):
        return None
    pairs = value.args[0] if value.args and isinstance(value.args[0], list | tuple) else []
    state = value.state if value.what == allowed.EASY_DICT and isinstance(value.state, dict) else {}
    for part in (pairs, value.items, state):
        _check_number(part)
    # Python 2 and protocol 2 give an OrderedDict its entries as pairs.
    named: list[Any] = [
        pair for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
    ]
    return dict(named) | value.items | state


def _check_number(named: Any) -> None:
    if len(named) > MAX_ENTRIES:
        raise Refused(f"the file has a dictionary of more than {MAX_ENTRIES:,} entries where no checkpoint has one")


def plain(value: Any) -> Any:
    """Convert a value to numbers, text, lists and dicts as in JSON; anything else in it becomes None.

    Raises:
        Refused: it is larger than any configuration, or holds NaN or infinity.
    """
    budget = [MAX_NODES]
    return _plain(value, budget, 0)


def _plain(value: Any, budget: list[int], depth: int) -> Any:
    budget[0] -= 1 + (len(value) // 64 if isinstance(value, str) else 0)
    if budget[0] < 0 or depth > MAX_NESTING:
        raise Refused("the file's configuration is larger than any checkpoint's; draglab does not open it")
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refused(f"the file's configuration holds {value} as a number; draglab does not open it")
        return value
    if isinstance(value, list | tuple) and not isinstance(value, Global):
        return [_plain(part, budget, depth + 1) for part in value]
    named = entries(value)
    if named is not None:
        return {_plain(key, budget, depth): _plain(part, budget, depth + 1) for key, part in named.items()}
    if isinstance(value, Record):
        if value.what in allowed.SCALAR:
            return _plain(_scalar(value), budget, depth)
        if value.what in allowed.SETS and value.args:
            return _plain(value.args[0], budget, depth + 1)
        if value.what in allowed.RECONSTRUCT | allowed.FROM_BUFFER:
            return _plain(_small_array(value), budget, depth)
    return None


def _scalar(record: Record) -> Any:
    """Return the number of a NumPy scalar; None if it is no number."""
    if len(record.args) != 2:
        raise Refused("the file is damaged: a number lacks its type; get it again")
    form = _FORMS.get(numpy_code(record.args[0]))
    if form is None:
        return None
    data = bytes_of(record.args[1]).view
    if len(data) != struct.calcsize(form):
        raise Refused("the file is damaged: a number is not readable; get it again")
    return struct.unpack(form, data)[0]


def _small_array(record: Record) -> Any:
    """Return the numbers of a NumPy array of at most one axis; None if it is larger."""
    array = find_array(record)
    if array is None or len(array.shape) > 1 or math.prod(array.shape) > MAX_SMALL:
        return None
    form = {name: _FORMS[code] for code, name in NUMPY_TYPES.items()}[array.storage.dtype]
    count, start = math.prod(array.shape), array.storage.start
    data = array.storage.region.view[start : start + count * struct.calcsize(form)]
    values = [number for (number,) in struct.iter_unpack(form, data)]
    return values if array.shape else values[0]
