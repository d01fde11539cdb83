"""Types of dataclass fields: checks of values that may come from a file, and conversion to plain values for JSON."""

from __future__ import annotations

from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

LARGEST_NUMBER = 1e30


@lru_cache
def type_hints(of: type) -> dict[str, Any]:
    """Return the resolved types of a class's fields."""
    return get_type_hints(of)


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value has a field's type.

    Types are int, bool, str, float (finite; whole numbers fit, too), None, tuples of one type, and unions of these. For
    a Literal only the types of its values are checked.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(part, parts[0]) for part in value)
    if origin is Literal:
        return type(value) in {type(part) for part in parts}
    if hint is float:
        return type(value) in (int, float) and -LARGEST_NUMBER < value < LARGEST_NUMBER
    return type(value) is (NoneType if hint is None else hint)


def from_plain(value: Any, hint: Any) -> Any:
    """Convert a value from JSON to a field's type: lists to tuples, whole numbers in tuples of floats to floats."""
    if not isinstance(value, list):
        return value
    tuples = [part for part in (hint, *get_args(hint)) if get_origin(part) is tuple]
    if not tuples:
        return value
    floats = get_args(tuples[0])[0] is float
    return tuple(float(part) if floats and type(part) is int and fits(part, float) else part for part in value)


def to_plain(values: dict[str, Any]) -> dict[str, Any]:
    """Convert the tuples among a dataclass's values to lists."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
