"""Tensors as references into the file, checked against the file's real size."""

from __future__ import annotations

import math

from . import allowed
from .storages import ITEM_SIZES, MAX_DIMENSIONS, Storage, is_count
from .torch_legacy import read_lone_storage
from .values import Blob, LongText, PersistentId, Record, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup

NUMPY_TYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8", "b1": "BOOL",
}  # fmt: skip


class TensorRef:
    """A view of a storage, as torch describes one: shape and strides in numbers, first number at `offset`."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]):
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides


def make_tensor(storage: Any, offset: Any, size: Any, strides: Any) -> TensorRef:
    """Return a tensor reference, checked: all its numbers lie within the storage, and none is repeated.

    Torch itself grows a storage that is too small and repeats numbers of stride 0: either would let a small file ask
    for any amount of memory.
    """
    shape: Any = size.args[0] if isinstance(size, Record) and size.what == allowed.SIZE and size.args else size
    whole = isinstance(storage, Storage) and isinstance(shape, tuple | list) and isinstance(strides, tuple | list)
    if not whole or not all(is_count(number) for number in (offset, *shape, *strides)):
        raise Refused("the file is damaged: a tensor is not described by whole numbers; get it again")
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
        raise Refused("the file is damaged: a tensor has strides of another number of axes; get it again")
    if 0 in shape:
        raise Refused("the file is damaged: a tensor has no numbers; get it again")
    count = math.prod(shape)
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count > storage.count or last >= storage.count:
        raise Refused("a tensor reaches beyond the numbers that the file holds for it; draglab does not open it")
    return TensorRef(storage, offset, tuple(shape), tuple(strides))


def contiguous(storage: Storage, shape: tuple[int, ...], column_major: bool = False) -> TensorRef:
    """Return a tensor of a storage's first numbers, without gaps."""
    if len(shape) > MAX_DIMENSIONS:
        raise Refused(f"the file is damaged: an array has {len(shape):,} axes; get it again")
    strides, step = [], 1
    for size in shape if column_major else reversed(shape):
        strides.append(step)
        step *= size if is_count(size) else 1
    return make_tensor(storage, 0, shape, tuple(strides if column_major else reversed(strides)))


def find_tensor(value: Any, storage_of: StorageLookup) -> TensorRef | None:
    """Return the tensor that a value of a torch pickle stands for; None if it is something else."""
    if isinstance(value, Record) and value.what in allowed.REBUILD_PARAMETER and value.args:
        value = value.args[0]
    if not isinstance(value, Record) or value.what != allowed.REBUILD_TENSOR or len(value.args) < 4:
        return None
    source, offset, shape, strides = value.args[:4]
    if isinstance(source, PersistentId):
        return make_tensor(storage_of(source), offset, shape, strides)
    if isinstance(source, Record) and source.what == allowed.LOAD_FROM_BYTES and len(source.args) == 1:
        return make_tensor(read_lone_storage(bytes_of(source.args[0])), offset, shape, strides)
    raise Refused("a tensor does not say where its numbers are; draglab does not open the file")


def find_array(value: Any) -> TensorRef | None:
    """Return the tensor that a NumPy array or number stands for; None if the value is something else."""
    if not isinstance(value, Record):
        return None
    if value.what in allowed.FROM_BUFFER and len(value.args) == 4:
        data, kind, shape, order = value.args
        return _array(data, kind, shape, order == "F")
    if value.what in allowed.SCALAR and len(value.args) == 2:
        return _array(value.args[1], value.args[0], (), False)
    if value.what not in allowed.RECONSTRUCT:
        return None
    state = value.state
    if not isinstance(state, tuple) or len(state) != 5:
        raise Refused("the file is damaged: an array lacks its description; get it again")
    _, shape, kind, column_major, data = state
    return _array(data, kind, shape, bool(column_major))


def _array(data: Any, kind: Any, shape: Any, column_major: bool) -> TensorRef:
    if isinstance(data, list):
        raise Refused("an array holds objects instead of numbers; draglab does not open the file")
    blob, dtype = bytes_of(data), numpy_type(kind)
    if not isinstance(shape, tuple):
        raise Refused("the file is damaged: an array lacks its shape; get it again")
    storage = Storage(dtype, blob.region, blob.start, len(blob) // ITEM_SIZES[dtype])
    return contiguous(storage, shape, column_major)


def numpy_type(value: Any) -> str:
    """Return the name of a little-endian NumPy type of plain numbers."""
    code = numpy_code(value)
    if code not in NUMPY_TYPES:
        raise Refused(f"an array holds {code[:20]!r} instead of plain little-endian numbers; not opened")
    return NUMPY_TYPES[code]


def numpy_code(value: Any) -> str:
    """Return NumPy's name of a type, without the byte order if it is little-endian."""
    if not isinstance(value, Record) or value.what != allowed.DTYPE or not value.args:
        raise Refused("the file is damaged: an array lacks its type; get it again")
    code, state = value.args[0], value.state
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "<"
    if not isinstance(code, str) or not isinstance(order, str):
        raise Refused("the file is damaged: an array lacks its type; get it again")
    return code.removeprefix("<") if order in ("<", "|", "=") else order + code


def bytes_of(value: Any) -> Blob:
    """Return the bytes of a value, also where protocol 2 keeps them as text."""
    if isinstance(value, Blob) and not isinstance(value, LongText):
        return value
    if isinstance(value, Record) and value.what == allowed.ENCODE and len(value.args) == 2:
        text, encoding = value.args
        if encoding in ("latin1", "latin-1"):
            return _decoded(text)
    if isinstance(value, str):  # protocol 2's empty bytes, and Python 2's strings
        return _decoded(value)
    raise Refused("the file is damaged: bytes are missing; get it again")


def _decoded(text: Any) -> Blob:
    """Return the bytes that are kept as text of the characters 0 to 255."""
    try:
        if isinstance(text, LongText) and text.region.origin == "file":
            return Blob(text.decoded, 0, len(text.decoded.view))
        if isinstance(text, str):
            data = text.encode("latin-1")
            return Blob(Region(memoryview(data), "inline"), 0, len(data))
    except UnicodeError:
        pass
    raise Refused("the file is damaged: bytes are not readable; get it again")
