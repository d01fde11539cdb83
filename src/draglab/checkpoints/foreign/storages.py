"""Storages: consecutive numbers in a file, and references to them as torch pickles them."""

from __future__ import annotations

from . import allowed
from .values import Global, PersistentId, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    StorageLookup = Callable[[PersistentId], "Storage"]

ITEM_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
MAX_DIMENSIONS = 8


class Storage:
    """Consecutive numbers of one type: `count` of `dtype` from byte `start` of `region` on."""

    __slots__ = ("count", "dtype", "region", "start")

    def __init__(self, dtype: str, region: Region, start: int, count: int):
        self.dtype = dtype
        self.region = region
        self.start = start
        self.count = count


def storage_key(reference: PersistentId) -> tuple[str, str, int]:
    """Return (key, dtype, count) of a reference to a storage."""
    key = reference.key
    if len(key) not in (5, 6) or key[0] != "storage" or not is_storage_type(key[1]) or not isinstance(key[2], str):
        raise Refused("the file refers to something outside in a way that no checkpoint does; draglab does not open it")
    if not is_count(key[4]):
        raise Refused("the file is damaged: a storage's length is not a whole number; get it again")
    return key[2], allowed.STORAGE_TYPES[key[1]], key[4]


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def is_storage_type(value: Any) -> bool:
    """Whether a value is the name of a type of storage."""
    return isinstance(value, Global) and value in allowed.STORAGE_TYPES
