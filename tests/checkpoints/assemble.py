"""Pickles put together by hand, so that a test decides every instruction: nothing is looked up, nothing is checked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Name:
    """A name of some program."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """What REDUCE makes, with what BUILD and SETITEMS add."""

    what: Any
    args: Any = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    instruction: bytes = b"R"


@dataclass(frozen=True)
class Outside:
    """A persistent id."""

    key: Any


@dataclass(frozen=True)
class Raw:
    """Instructions as they are."""

    code: bytes


@dataclass(frozen=True)
class Saved:
    """A value that is also put into the memo."""

    index: int
    value: Any


@dataclass(frozen=True)
class Again:
    """A value from the memo."""

    index: int


def assemble(value: Any, protocol: int = 4) -> bytes:
    """The pickle of a value."""
    return b"\x80" + bytes([protocol]) + code(value) + b"."


def code(value: Any) -> bytes:
    """The instructions that leave a value on the stack."""
    match value:
        case Raw():
            return value.code
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            data = value.encode("utf-8", "surrogatepass")
            return b"X" + struct.pack("<I", len(data)) + data
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(code(part) for part in value) + b"t"
        case list():
            return b"](" + b"".join(code(part) for part in value) + b"e"
        case dict():
            return b"}" + _items(value)
        case Name():
            return f"c{value.module}\n{value.name}\n".encode()
        case Outside():
            return code(value.key) + b"Q"
        case Saved():
            return code(value.value) + b"r" + struct.pack("<I", value.index)
        case Again():
            return b"j" + struct.pack("<I", value.index)
        case Call():
            made = code(value.what) + code(value.args) + value.instruction
            made += _items(value.items) if value.items else b""
            return made + (code(value.state) + b"b" if value.state is not None else b"")
    raise TypeError(value)


def _items(items: dict[Any, Any]) -> bytes:
    return b"(" + b"".join(code(part) for pair in items.items() for part in pair) + b"u"


FLOATS = Name("torch", "FloatStorage")


def storage_bytes(numbers: int, key: str = "0", root: Any = None, kind: Name = FLOATS) -> bytes:
    """What torch.storage._load_from_bytes takes: a lone storage of 4-byte numbers in the layout from before 1.6."""
    reference = Outside(("storage", kind, key, "cpu", numbers, None)) if root is None else root
    parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, reference, [key])
    return b"".join(assemble(part, 2) for part in parts) + struct.pack("<q", numbers) + bytes(4 * numbers)


def tensor(shape: Sequence[int], storage: Any = None, offset: int = 0, strides: Sequence[int] | None = None) -> Call:
    """A tensor as the NVIDIA programs pickle it; `storage` None = one of its own, of the right length."""
    steps, step = [], 1
    for side in reversed(shape):
        steps.insert(0, step)
        step *= side
    if storage is None:
        storage = Call(Name("torch.storage", "_load_from_bytes"), (storage_bytes(step),))
    hooks = Call(Name("collections", "OrderedDict"))
    layout = tuple(shape), tuple(steps if strides is None else strides)
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, *layout, False, hooks))


def module(
    parameters: Any = None, modules: Any = None, arguments: Any = None, source: str = "", **attributes: Any
) -> Call:
    """A persistent module."""
    state = {
        "_parameters": parameters or {},
        "_buffers": {},
        "_modules": modules or {},
        "_init_args": (),
        "_init_kwargs": arguments or {},
        **attributes,
    }
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": "Generator", "state": state}
    return Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))


def zipped(pickle: bytes, storages: dict[str, bytes] | None = None, folder: str = "archive") -> bytes:
    """A file as torch.save writes them now."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", pickle)
        for name, data in (storages or {}).items():
            archive.writestr(f"{folder}/data/{name}", data)
    return buffer.getvalue()


def legacy(value: Any, storages: dict[str, bytes] | None = None) -> bytes:
    """A file as torch.save wrote them before 1.6; the storages hold 4-byte numbers."""
    held = storages or {}
    parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, list(held))
    return b"".join(assemble(part, 2) for part in parts) + b"".join(
        struct.pack("<q", len(data) // 4) + data for data in held.values()
    )
